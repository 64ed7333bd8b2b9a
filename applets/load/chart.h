/* A chart as SVG: axes from 0 to a maximum, lines and bars over them. Colours come from the page's
 * style sheet by class. */
#ifndef H2BOX_APPLETS_LOAD_CHART_H
#define H2BOX_APPLETS_LOAD_CHART_H

#include <stddef.h>
#include <stdio.h>

typedef struct chart {
    FILE *out;
    double x_max, y_max;
    void (*y_label)(char *text, size_t room, double y);
} chart;

typedef struct chart_mark {
    double x;
    const char *text;
} chart_mark;

void chart_begin(chart *c, const char *title);
void chart_end(chart *c);
void chart_mark_x(chart *c, chart_mark m);
void chart_line(chart *c, const char *css, const double *x, const double *y, size_t n);
void chart_bar(chart *c, const char *css, double x0, double x1, double y);

#endif
