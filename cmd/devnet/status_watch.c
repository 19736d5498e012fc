#include "cmd/devnet/status_watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/devnet/screen.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/output.h"
#include "common/utf8.h"
#include "net/api/status_json.h"

enum { CELL_SIZE = SLOT_TEXT_SIZE, NAME_WIDTH_MIN = 4, NAME_WIDTH_MAX = 24 };

static const char *text_of(const json_t *entry, const char *member)
{
    const char *text = json_string_value(json_object_get(entry, member));
    return text != NULL ? text : "-";
}

static bool is_up(const json_t *entry)
{
    return strcmp(text_of(entry, "state"), "up") == 0;
}

/* ---- messages a second, between two looks ---- */

static const json_t *find_entry(const json_t *status, const char *name)
{
    size_t index;
    const json_t *entry;
    json_array_foreach(json_object_get(status, "nodes"), index, entry)
    {
        if (strcmp(text_of(entry, "name"), name) == 0)
            return entry;
    }
    return NULL;
}

/* Null at the first look, and where it counts anew since the last. */
static json_t *rate_of(const json_t *entry, const json_t *before, const char *member,
                       double seconds)
{
    const json_t *now = json_object_get(entry, member), *then = json_object_get(before, member);
    if (!json_is_integer(now) || !json_is_integer(then) || seconds <= 0 ||
        json_integer_value(now) < json_integer_value(then))
        return json_null();
    return json_real((double)(json_integer_value(now) - json_integer_value(then)) / seconds);
}

static void add_rates(json_t *status, const json_t *before, double seconds)
{
    size_t index;
    json_t *entry;
    json_array_foreach(json_object_get(status, "nodes"), index, entry)
    {
        const json_t *then = find_entry(before, text_of(entry, "name"));
        if (!json_equal(json_object_get(entry, "pid"), json_object_get(then, "pid")))
            then = NULL; /* another process: it counts anew */
        json_object_set_new(entry, "messages_in_per_s",
                            rate_of(entry, then, "messages_in", seconds));
        json_object_set_new(entry, "messages_out_per_s",
                            rate_of(entry, then, "messages_out", seconds));
    }
}

/* ---- the table ---- */

/* "-": there is nothing to know of a node that is not up; "?": nobody tells. */
static const char *unknown(const json_t *entry)
{
    return is_up(entry) ? "?" : "-";
}

/* What a node tells itself, or else, with "+" as there may be more, what others tell. */
static void write_peers(char cell[CELL_SIZE], const json_t *entry)
{
    const json_t *own = json_object_get(entry, "peers");
    const json_t *told = json_object_get(json_object_get(entry, "told"), "peers");
    if (json_is_integer(own))
        snprintf(cell, CELL_SIZE, "%" JSON_INTEGER_FORMAT, json_integer_value(own));
    else if (is_up(entry) && json_is_integer(told))
        snprintf(cell, CELL_SIZE, "%" JSON_INTEGER_FORMAT "+", json_integer_value(told));
    else
        snprintf(cell, CELL_SIZE, "%s", unknown(entry));
}

/* Of several topics the least and the most. */
static void write_mesh(char cell[CELL_SIZE], const json_t *entry)
{
    json_t *own = json_object_get(entry, "mesh"), *count;
    json_t *mesh = own != NULL ? own : json_object_get(json_object_get(entry, "told"), "mesh");
    json_int_t least = 0, most = 0;
    const char *topic, *more = own != NULL ? "" : "+";
    bool any = false;
    json_object_foreach(mesh, topic, count)
    {
        json_int_t peers = json_integer_value(count);
        least = !any || peers < least ? peers : least;
        most = !any || peers > most ? peers : most;
        any = true;
    }
    if (mesh == NULL || !is_up(entry))
        snprintf(cell, CELL_SIZE, "%s", unknown(entry));
    else if (least == most)
        snprintf(cell, CELL_SIZE, "%" JSON_INTEGER_FORMAT "%s", most, more);
    else
        snprintf(cell, CELL_SIZE, "%" JSON_INTEGER_FORMAT "-%" JSON_INTEGER_FORMAT "%s", least,
                 most, more);
}

static void write_number(char cell[CELL_SIZE], const json_t *entry, const json_t *number,
                         const char *unit)
{
    double value = json_number_value(number);
    if (!json_is_number(number) || !is_up(entry))
        snprintf(cell, CELL_SIZE, "%s", unknown(entry));
    else
        snprintf(cell, CELL_SIZE, "%.*f%s", value > 0 && value < 10 ? 1 : 0, value, unit);
}

static void write_memory(char cell[CELL_SIZE], const json_t *entry)
{
    const json_t *bytes = json_object_get(entry, "memory_bytes");
    json_t *mega = json_real(json_number_value(bytes) / (1024 * 1024));
    write_number(cell, entry, json_is_integer(bytes) ? mega : NULL, "M");
    json_decref(mega);
}

static void write_head(char cell[CELL_SIZE], const json_t *entry)
{
    const json_t *head = json_object_get(entry, "head");
    if (json_is_object(head))
        slot_text(json_object_get(head, "slot"), cell);
    else
        snprintf(cell, CELL_SIZE, "%s", unknown(entry));
}

static void print_row(FILE *table, const json_t *entry, int width)
{
    char peers[CELL_SIZE], mesh[CELL_SIZE], rtt[CELL_SIZE], in[CELL_SIZE], out[CELL_SIZE],
        memory[CELL_SIZE], head[CELL_SIZE];
    const json_t *own_rtt = json_object_get(entry, "rtt_ms");
    const json_t *told_rtt = json_object_get(json_object_get(entry, "told"), "rtt_ms");
    write_peers(peers, entry);
    write_mesh(mesh, entry);
    write_number(rtt, entry, json_is_number(own_rtt) ? own_rtt : told_rtt, "");
    write_number(in, entry, json_object_get(entry, "messages_in_per_s"), "");
    write_number(out, entry, json_object_get(entry, "messages_out_per_s"), "");
    write_memory(memory, entry);
    write_head(head, entry);
    char *agent = utf8_safe_text(bytes_of_text(text_of(entry, "agent")));
    fprintf(table, "%-*s %s%-7s%s %5s %5s %7s %7s %7s %7s %6s  %s\n", width, text_of(entry, "name"),
            output_colour(stdout, is_up(entry) ? COLOUR_GREEN : COLOUR_RED),
            text_of(entry, "state"), output_colour_end(stdout), peers, mesh, rtt, in, out, memory,
            head, agent);
    free(agent);
}

static int name_width(const json_t *nodes)
{
    size_t index, width = NAME_WIDTH_MIN;
    const json_t *entry;
    json_array_foreach(nodes, index, entry)
    {
        size_t length = strlen(text_of(entry, "name"));
        width = length > width ? length : width;
    }
    return (int)(width < NAME_WIDTH_MAX ? width : NAME_WIDTH_MAX);
}

/* Freed with free(). */
static char *make_table(const json_t *status)
{
    const json_t *nodes = json_object_get(status, "nodes"), *entry;
    int width = name_width(nodes);
    char *text = NULL;
    size_t size, index, up = 0;
    FILE *table = open_memstream(&text, &size);
    if (table == NULL)
        memory_exhausted();
    json_array_foreach(nodes, index, entry)
    {
        up += is_up(entry);
    }
    fprintf(table, "%s  %zu of %zu up in %s\n", text_of(status, "t"), up, json_array_size(nodes),
            text_of(status, "folder"));
    fprintf(table, "%s%-*s %-7s %5s %5s %7s %7s %7s %7s %6s  %s%s\n",
            output_colour(stdout, COLOUR_BOLD), width, "node", "state", "peers", "mesh", "rtt ms",
            "in/s", "out/s", "memory", "slot", "agent", output_colour_end(stdout));
    json_array_foreach(nodes, index, entry)
    {
        print_row(table, entry, width);
    }
    fclose(table);
    return text;
}

/* ---- look after look ---- */

static json_t *look(const struct devnet *devnet, const json_t *before, uint64_t *looked_ms)
{
    char time[CLOCK_TEXT_SIZE];
    clock_text(clock_epoch_ms(), time);
    json_t *status = devnet_describe(devnet);
    uint64_t now_ms = clock_now_ms();
    add_rates(status, before, (double)(now_ms - *looked_ms) / 1000);
    json_object_set_new(status, "t", json_string(time));
    *looked_ms = now_ms;
    return status;
}

/* Draws it, and again whenever the screen is not what it was, until it is time for another look. */
static void draw_for(const char *table, unsigned long left_ms)
{
    do {
        screen_draw(table);
    } while (!screen_wait(&left_ms) && output_is_read());
}

static void print_for(const json_t *status, const char *table, bool first, unsigned long left_ms)
{
    if (status != NULL)
        output_json_line(status);
    else
        printf("%s%s", first ? "" : "\n", table);
    if (output_flush())
        screen_wait(&left_ms);
}

void status_watch(struct devnet *devnet, const struct genesis *genesis,
                  const struct devnet_options *options)
{
    json_t *before = NULL;
    struct error error;
    uint64_t looked_ms = 0;
    bool on_screen = !options->json && screen_begin();
    while (output_flush() && output_is_read()) {
        json_t *status = look(devnet, before, &looked_ms);
        char *table = make_table(status);
        if (on_screen)
            draw_for(table, options->interval);
        else
            print_for(options->json ? status : NULL, table, before == NULL, options->interval);
        free(table);
        json_decref(before);
        before = status;
        if (!devnet_load(devnet, &error))
            log_warn("%s", error.text);
        genesis_add_to(genesis, devnet);
    }
    json_decref(before);
    screen_end();
}
