#include "applets/load/chart.h"

/* Room for texts of twice the size, as they are on a phone. */
static const int WIDTH = 640, HEIGHT = 270, LEFT = 100, RIGHT = 16, TOP = 16, BOTTOM = 32;
static const int LINES = 4;

static double x_of(const chart *c, double x) {
    return LEFT + (c->x_max > 0 ? x / c->x_max : 0) * (WIDTH - LEFT - RIGHT);
}
static double y_of(const chart *c, double y) {
    return HEIGHT - BOTTOM - (c->y_max > 0 ? y / c->y_max : 0) * (HEIGHT - TOP - BOTTOM);
}

void chart_begin(chart *c, const char *title) {
    char text[64];
    fprintf(c->out, "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s\">\n", WIDTH, HEIGHT,
            title);
    for (int i = 0; i <= LINES; i++) {
        double y = c->y_max * i / LINES;
        c->y_label(text, sizeof text, y);
        fprintf(c->out,
                "<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>"
                "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n",
                LEFT, WIDTH - RIGHT, y_of(c, y), y_of(c, y), LEFT - 6, y_of(c, y) + 4, text);
    }
}

void chart_end(chart *c) { fputs("</svg>\n", c->out); }

void chart_mark_x(chart *c, chart_mark m) {
    double x = x_of(c, m.x);
    const char *anchor = x > WIDTH - RIGHT - 20 ? "end" : "middle";
    fprintf(c->out,
            "<line class=\"grid\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\"/>"
            "<text x=\"%.1f\" y=\"%d\" text-anchor=\"%s\">%s</text>\n",
            x, x, HEIGHT - BOTTOM, HEIGHT - BOTTOM + 4, x, HEIGHT - 8, anchor, m.text);
}

void chart_line(chart *c, const char *css, const double *x, const double *y, size_t n) {
    fprintf(c->out, "<polyline class=\"%s\" points=\"", css);
    for (size_t i = 0; i < n; i++) fprintf(c->out, "%.1f,%.1f ", x_of(c, x[i]), y_of(c, y[i]));
    fputs("\"/>\n", c->out);
}

void chart_bar(chart *c, const char *css, double x0, double x1, double y) {
    if (y <= 0) return;
    fprintf(c->out, "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>\n",
            css, x_of(c, x0), y_of(c, y), x_of(c, x1) - x_of(c, x0), HEIGHT - BOTTOM - y_of(c, y));
}
