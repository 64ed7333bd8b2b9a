/* HTTP dates (RFC 9110 section 5.6.7): seconds since 1970-01-01 00:00 UTC to text and back.
 *
 * Pure arithmetic on the Gregorian calendar: no clock, no time zone, no locale; the time now is an
 * argument where it matters. It owns nothing. */
#ifndef H2BOX_CORE_DATE_H
#define H2BOX_CORE_DATE_H

#include "core/bytes.h"

#define DATE_LENGTH 29u /* bytes of an IMF-fixdate: "Sun, 06 Nov 1994 08:49:37 GMT" */

/* 1601-01-01 00:00:00 and 9999-12-31 23:59:59: a whole cycle of leap years begins with the first
 * (and no HTTP is older), four digits end with the second. */
#define DATE_MIN INT64_C(-11644473600)
#define DATE_MAX INT64_C(253402300799)

/* Writes seconds as an IMF-fixdate, without a NUL. What is out of DATE_MIN to DATE_MAX is
 * written as the nearer of the two: a file's time may be anything. */
void date_format(int64_t seconds, uint8_t out[DATE_LENGTH]);

/* Reads any of the three forms: IMF-fixdate, rfc850-date, asctime-date. now (seconds) gives
 * two-digit years their century: a date that appears to be over 50 years ahead is the last past
 * one with these digits. False for anything else, and then *seconds is untouched. Case and
 * blanks are as the grammar has them; the day must exist in its month and 23:59:60 is taken for
 * the second after it. The weekday must be a name of its form but is not held against the date,
 * in any form: the date says it all. */
bool date_parse(span text, int64_t now, int64_t *seconds);

#endif
