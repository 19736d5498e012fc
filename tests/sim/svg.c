#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/sim/report.h"

/* Pixels. */
enum {
    PANEL_WIDTH = 420,
    PANEL_HEIGHT = 260,
    MARGIN_LEFT = 60,
    MARGIN_RIGHT = 20,
    MARGIN_TOP = 40,
    MARGIN_BOTTOM = 45,
    PLOT_WIDTH = PANEL_WIDTH - MARGIN_LEFT - MARGIN_RIGHT,
    PLOT_HEIGHT = PANEL_HEIGHT - MARGIN_TOP - MARGIN_BOTTOM,
    HEADER_HEIGHT = 40,
    TICKS = 5, /* at most */
};

struct panel {
    const char *title, *x_title, *y_title;
    const json_t *bars; /* {value, count}, and maybe expected */
    double unit;        /* of x_title */
    bool cumulative;    /* a line of the share up to each value, instead of bars */
};

struct scale {
    double least, most, bar; /* of the values, and what one bar covers of them */
    double highest, tick;    /* of the counts */
};

__attribute__((format(printf, 2, 3))) static void put(struct buffer *output, const char *format,
                                                      ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *text = NULL;
    int size = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (size > 0)
        buffer_append(output, text, (size_t)size);
    free(text);
}

static double member(const json_t *bar, const char *name)
{
    return json_number_value(json_object_get(bar, name));
}

static double total(const json_t *bars)
{
    size_t i;
    const json_t *bar;
    double sum = 0;
    json_array_foreach(bars, i, bar)
    {
        sum += member(bar, "count");
    }
    return sum;
}

/* 1, 2 or 5 times a power of ten. */
static double tick_of(double highest)
{
    double power = 1;
    while (10 * power * TICKS <= highest)
        power *= 10;
    for (int i = 0; i < 3; i++)
        if (highest <= (double[]){1, 2, 5}[i] * power * TICKS)
            return (double[]){1, 2, 5}[i] * power;
    return 10 * power;
}

static struct scale scale_of(const struct panel *panel)
{
    struct scale scale = {.highest = 1};
    size_t i, count = json_array_size(panel->bars);
    const json_t *bar;
    scale.least = member(json_array_get(panel->bars, 0), "value");
    scale.most = member(json_array_get(panel->bars, count - 1), "value");
    scale.bar = count > 1 ? (scale.most - scale.least) / (double)(count - 1) : 1;
    if (scale.bar <= 0)
        scale.bar = 1;
    scale.most += scale.bar;
    json_array_foreach(panel->bars, i, bar)
    {
        double higher = member(bar, "count") > member(bar, "expected") ? member(bar, "count")
                                                                       : member(bar, "expected");
        scale.highest = higher > scale.highest ? higher : scale.highest;
    }
    if (panel->cumulative)
        scale.highest = 100;
    scale.tick = tick_of(scale.highest);
    return scale;
}

static double x_of(const struct scale *scale, double value)
{
    return MARGIN_LEFT + PLOT_WIDTH * (value - scale->least) / (scale->most - scale->least);
}

static double y_of(const struct scale *scale, double count)
{
    return MARGIN_TOP + PLOT_HEIGHT * (1 - count / scale->highest);
}

static void draw_axes(struct buffer *output, const struct panel *panel, const struct scale *scale)
{
    put(output, "<text x=\"%d\" y=\"20\" class=\"title\">%s</text>\n", MARGIN_LEFT, panel->title);
    for (int i = 0; i * scale->tick <= scale->highest; i++) {
        double count = i * scale->tick;
        put(output,
            "<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" class=\"grid\"/>"
            "<text x=\"%d\" y=\"%.1f\" class=\"end\">%.0f</text>\n",
            MARGIN_LEFT, PANEL_WIDTH - MARGIN_RIGHT, y_of(scale, count), y_of(scale, count),
            MARGIN_LEFT - 6, y_of(scale, count) + 4, count);
    }
    put(output, "<text x=\"%d\" y=\"%d\" class=\"middle\">%s</text>\n",
        MARGIN_LEFT + PLOT_WIDTH / 2, PANEL_HEIGHT - 8, panel->x_title);
    put(output, "<text transform=\"translate(14,%d) rotate(-90)\" class=\"middle\">%s</text>\n",
        MARGIN_TOP + PLOT_HEIGHT / 2, panel->y_title);
}

/* Below every bar where there are few, else below some. */
static void draw_values(struct buffer *output, const struct panel *panel, const struct scale *scale)
{
    enum { VALUES_MAX = 16, VALUES_FEW = 6 };
    size_t i, count = json_array_size(panel->bars);
    size_t step = count <= VALUES_MAX ? 1 : (count + VALUES_FEW - 1) / VALUES_FEW;
    const json_t *bar;
    json_array_foreach(panel->bars, i, bar)
    {
        if (i % step == 0)
            put(output, "<text x=\"%.1f\" y=\"%d\" class=\"middle\">%.0f</text>\n",
                x_of(scale, member(bar, "value") + scale->bar / 2),
                PANEL_HEIGHT - MARGIN_BOTTOM + 16, member(bar, "value") / panel->unit);
    }
}

static void draw_bars(struct buffer *output, const struct panel *panel, const struct scale *scale)
{
    size_t i;
    const json_t *bar;
    json_array_foreach(panel->bars, i, bar)
    {
        double left = x_of(scale, member(bar, "value") + 0.1 * scale->bar);
        double right = x_of(scale, member(bar, "value") + 0.9 * scale->bar);
        double top = y_of(scale, member(bar, "count"));
        put(output, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>\n", left, top,
            right - left, y_of(scale, 0) - top);
        if (json_object_get(bar, "expected") != NULL)
            put(output, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4\"/>\n", (left + right) / 2,
                y_of(scale, member(bar, "expected")));
    }
}

static void draw_line(struct buffer *output, const struct panel *panel, const struct scale *scale)
{
    size_t i;
    const json_t *bar;
    double sum = 0, all = total(panel->bars);
    put(output, "<polyline points=\"%.1f,%.1f", x_of(scale, scale->least), y_of(scale, 0));
    json_array_foreach(panel->bars, i, bar)
    {
        sum += member(bar, "count");
        put(output, " %.1f,%.1f", x_of(scale, member(bar, "value") + scale->bar),
            y_of(scale, 100 * sum / all));
    }
    put(output, "\"/>\n");
}

static void draw_panel(struct buffer *output, const struct panel *panel, int column, int row)
{
    put(output, "<g transform=\"translate(%d,%d)\">\n", column * PANEL_WIDTH,
        HEADER_HEIGHT + row * PANEL_HEIGHT);
    if (json_array_size(panel->bars) > 0) {
        struct scale scale = scale_of(panel);
        draw_axes(output, panel, &scale);
        draw_values(output, panel, &scale);
        (panel->cumulative ? draw_line : draw_bars)(output, panel, &scale);
    }
    put(output, "</g>\n");
}

static void draw_header(struct buffer *output, const json_t *settings)
{
    put(output,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
        "viewBox=\"0 0 %d %d\">\n"
        "<style>text{font:11px sans-serif;fill:#333}.title{font-weight:bold;font-size:13px}"
        ".middle{text-anchor:middle}.end{text-anchor:end}.grid{stroke:#ddd}"
        "rect{fill:#4a7fb5}circle{fill:none;stroke:#c33;stroke-width:2}"
        "polyline{fill:none;stroke:#4a7fb5;stroke-width:2}</style>\n"
        "<path d=\"M0 0h%dv%dh-%dz\" fill=\"#fff\"/>\n",
        2 * PANEL_WIDTH, HEADER_HEIGHT + 2 * PANEL_HEIGHT, 2 * PANEL_WIDTH,
        HEADER_HEIGHT + 2 * PANEL_HEIGHT, 2 * PANEL_WIDTH, HEADER_HEIGHT + 2 * PANEL_HEIGHT,
        2 * PANEL_WIDTH);
    put(output,
        "<text x=\"%d\" y=\"24\" class=\"title\">%.0f nodes of %.0f links, D %.0f, %.0f to %.0f ms "
        "a hop, %g%% lost, seed %.0f</text>\n",
        MARGIN_LEFT, member(settings, "nodes"), member(settings, "links"), member(settings, "d"),
        member(settings, "latency_ms"),
        member(settings, "latency_ms") + member(settings, "jitter_ms"),
        100 * member(settings, "loss"), member(settings, "seed"));
}

static const json_t *bars_of(const json_t *report, const char *section, const char *name)
{
    return json_object_get(json_object_get(report, section), name);
}

void report_draw(const json_t *report, struct buffer *output)
{
    const struct panel panels[] = {
        {"Size of the mesh", "members", "nodes", bars_of(report, "mesh", "degrees"), 1, false},
        {"Hops (circles: expected)", "hops", "deliveries", bars_of(report, "hops", "histogram"), 1,
         false},
        {"Delay", "ms", "% of the deliveries", bars_of(report, "delay_ms", "histogram"), 1, true},
        {"Bytes sent", "kB", "nodes", bars_of(report, "bytes_per_node", "sent_histogram"), 1000,
         false},
    };
    draw_header(output, json_object_get(report, "settings"));
    for (int i = 0; i < 4; i++)
        draw_panel(output, &panels[i], i % 2, i / 2);
    put(output, "</svg>\n");
}
