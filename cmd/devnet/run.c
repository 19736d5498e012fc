/* devnet X: runs devnet-X, with the names of nodes replaced by what it takes. */
#include "cmd/devnet/devnet.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/buffer.h"
#include "common/log.h"
#include "common/memory.h"
#include "devnet/ask.h"
#include "devnet/genesis.h"
#include "devnet/newcomers.h"
#include "devnet/routes.h"
#include "devnet/subprocess.h"
#include "devnet/tap.h"
#include "net/address/names.h"

enum form {
    FORM_API,
    FORM_MULTIADDR,
    FORM_TARGET, /* the API of a node that has one, or its multiaddr and metrics */
    FORM_QLOG,
};

/* What a program's operands are, and its options that take a value in the next argument. */
struct guest {
    const char *name;
    enum form form;
    const char *api_options, *other_options;
};

static const struct guest guests[] = {
    {"mesh", FORM_TARGET, " -b --before ",
     " -o --output -t --timeout -w --wait --for -i --ignore --topic --html "
     "--name "},
    {"orphans", FORM_QLOG, " ",
     " --fail-on --grace -t --timeout -j --jobs --html --name --peer-kind "},
    {"connect", FORM_MULTIADDR, " -f --from ",
     " -l --listen -u --until -t --timeout -n --network --topic --hold -k --key --key-hex "
     "--finalized --head --agent --qlog --qlog-limit --keylog --log-level --trace --sign "
     "--blocks-by-root --blocks-by-range --save --publish -c --count --record --record-blocks "
     "--record-bytes "},
    {"node", FORM_MULTIADDR, " ", " "},
    {"relay", FORM_MULTIADDR, " ", " "},
    {"tap", FORM_MULTIADDR, " ",
     " -q --qlog --qlog-limit -g --genesis -o --out -a --api --trace --hold --refuse --reset "
     "--drop-echo --html --from --log-level --log-format "},
    {"", FORM_MULTIADDR, " --api ", " "}, /* any other */
};

/* A command line in the making. */
struct command_line {
    const struct devnet *devnet;
    const struct guest *guest;
    const char *command; /* of the guest, or "" */
    const char *genesis; /* a genesis folder, or NULL */
    bool down;           /* the devnet is, and has left its files */
    char **arguments;
    size_t count, operands;
};

static void push(struct command_line *line, char *argument)
{
    line->arguments = memory_resize(line->arguments, (line->count + 2) * sizeof(char *));
    line->arguments[line->count++] = argument;
    line->arguments[line->count] = NULL;
}

static void insert(struct command_line *line, size_t at, char *argument)
{
    push(line, NULL);
    memmove(&line->arguments[at + 1], &line->arguments[at],
            (line->count - 1 - at) * sizeof(char *));
    line->arguments[at] = argument;
}

/* The folder of a node's QUIC logs; of one that writes none, the tap's, if one stands between. */
static char *logs_of(const struct devnet *devnet, const struct devnet_node *node)
{
    char *own = devnet_path(devnet, node->name, "qlog");
    char *tap = access(own, F_OK) != 0 ? devnet_tap_logs(devnet) : NULL;
    if (tap == NULL)
        return own;
    free(own);
    return tap;
}

/* Which knows of all nodes. */
static char *tap_in_form(const struct devnet *devnet, enum form form)
{
    const char *api = devnet_tap_api(devnet);
    if (form == FORM_QLOG)
        return devnet_tap_logs(devnet);
    return api != NULL ? text_copy(api) : NULL;
}

/* NULL where there is no such thing: then it is said. */
static char *name_in_form(const struct devnet *devnet, const struct devnet_node *node,
                          enum form form)
{
    if (form == FORM_QLOG)
        return logs_of(devnet, node);
    /* At a genesis folder's apiPort a node of ours may be: who asks it is told if none is. */
    const char *api = node->api != NULL ? node->api : node->lean_api;
    if (form == FORM_API && api == NULL) {
        log_error("%s: %s", node->name,
                  node->of_genesis ? "the genesis folder has no apiPort of it"
                                   : "another program, without an API of ours");
        return NULL;
    }
    if (form == FORM_TARGET)
        return devnet_node_target(node);
    return text_copy(form == FORM_API ? api : node->listen[0]);
}

static bool is_among(const char *option, const char *options)
{
    char *padded = text_format(" %s ", option);
    bool among = strstr(options, padded) != NULL;
    free(padded);
    return among;
}

static bool takes_value(const struct guest *guest, const char *option)
{
    return is_among(option, guest->api_options) || is_among(option, guest->other_options);
}

/* What a name stands for as the value of OPTION, or as an operand, where that is "". */
static enum form form_after(const struct command_line *line, const char *option)
{
    if (option[0] != '\0' && !is_among(option, line->guest->api_options))
        return FORM_MULTIADDR;
    if (option[0] != '\0')
        return line->guest->form == FORM_TARGET ? FORM_TARGET : FORM_API;
    bool watches = line->guest->form == FORM_TARGET && strcmp(line->command, "watch") == 0;
    return watches ? FORM_API : line->guest->form; /* only our nodes can be watched */
}

/* "node" and digits, which nothing else that these programs take looks like. */
static bool looks_like_name(const char *text)
{
    return strncmp(text, "node", 4) == 0 && text[4] != '\0' &&
           text[4 + strspn(text + 4, "0123456789")] == '\0';
}

/* Whether it could be a name of --with, and nothing else that these programs take looks like it. */
static bool is_word(const char *text)
{
    static const char characters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    return text[0] != '\0' && text[strspn(text, characters)] == '\0';
}

/* Whether the argument after BEFORE is to name a node, or what there is in place of one. */
static bool is_nodes_place(const struct command_line *line, const char *before, bool operand)
{
    bool command = strcmp(line->guest->name, "mesh") == 0 && line->operands == 0;
    bool known = strcmp(line->guest->name, "mesh") == 0 ||
                 strcmp(line->guest->name, "orphans") == 0 ||
                 strcmp(line->guest->name, "connect") == 0;
    return known && (operand ? !command : is_among(before, line->guest->api_options));
}

/* The node that TEXT names, or NULL; *UNKNOWN where it looks like a name and is none. PLACE: a node
 * is expected. */
static const struct devnet_node *find_node(const struct command_line *line, const char *text,
                                           bool place, bool *unknown)
{
    const struct devnet_node *node = devnet_find(line->devnet, text);
    bool ready = node != NULL && (node->listen_count > 0 || line->down);
    *unknown =
        !ready && (looks_like_name(text) || (place && is_word(text))) && access(text, F_OK) != 0;
    return ready ? node : NULL;
}

static void tell_unknown(const struct command_line *line, const char *name)
{
    char *names = devnet_names(line->devnet);
    log_error("%s: no such node is up in %s%s%s; there %s %s", name, line->devnet->folder,
              line->genesis != NULL ? ", nor in " : "", line->genesis != NULL ? line->genesis : "",
              line->down ? "were" : "are", names);
    free(names);
}

/* The tap by its name, in the place of a node; false where it is not meant. */
static bool add_named_tap(struct command_line *line, const char *name)
{
    enum form form = form_after(line, "");
    char *tap =
        strcmp(name, "tap") == 0 && form != FORM_MULTIADDR ? tap_in_form(line->devnet, form) : NULL;
    if (tap != NULL)
        push(line, tap);
    return tap != NULL;
}

static bool add_argument(struct command_line *line, const char *before, char *argument)
{
    bool operand = argument[0] != '-' && !takes_value(line->guest, before);
    const char *equals = argument[0] == '-' ? strchr(argument, '=') : NULL;
    const char *name = equals != NULL ? equals + 1 : argument;
    bool unknown;
    const struct devnet_node *node =
        find_node(line, name, is_nodes_place(line, before, operand), &unknown);
    line->operands += operand;
    if (operand && is_nodes_place(line, before, operand) && add_named_tap(line, name))
        return true;
    if (unknown) {
        tell_unknown(line, name);
        return false;
    }
    if (node == NULL) {
        push(line, text_copy(argument));
        return true;
    }
    char *option = equals != NULL ? text_format("%.*s", (int)(equals - argument), argument)
                                  : text_copy(operand ? "" : before);
    enum form form = form_after(line, option);
    char *value = NULL;
    if (line->down && form != FORM_QLOG && !looks_like_name(name))
        value = text_copy(name);
    else if (line->down && form != FORM_QLOG)
        log_error("%s: the devnet in %s is down", name, line->devnet->folder);
    else
        value = name_in_form(line->devnet, node, form);
    if (value != NULL)
        push(line, equals != NULL ? text_format("%s=%s", option, value) : text_copy(value));
    free(value);
    free(option);
    return value != NULL;
}

/* Where DIALLER is to dial the one that NAME is, if it is one of ours: in the place of *ADDRESS. */
static bool take_route(const struct command_line *line, const struct devnet_node *dialler,
                       char **address, const char *name)
{
    const struct devnet_node *listener = devnet_find(line->devnet, name);
    struct error error;
    if (listener == NULL || listener->listen_count == 0)
        return true;
    char *route = devnet_find_route(line->devnet, dialler, listener, &error);
    if (route == NULL) {
        log_error("%s", error.text);
        return false;
    }
    free(*address);
    *address = route;
    return true;
}

/* devnet connect node1 TARGET: node1 dials it, asked by its API. */
static bool add_from(struct command_line *line, char **arguments)
{
    size_t operands[2], count = 0;
    for (size_t i = 0; arguments[i] != NULL; i++) {
        bool operand =
            arguments[i][0] != '-' && (i == 0 || !takes_value(line->guest, arguments[i - 1]));
        if (operand && count < 2)
            operands[count] = i;
        count += operand;
    }
    const struct devnet_node *dialler =
        count == 2 ? devnet_find(line->devnet, arguments[operands[0]]) : NULL;
    if (dialler == NULL || line->down)
        return true;
    char *api = name_in_form(line->devnet, dialler, FORM_API);
    if (api == NULL)
        return false;
    size_t at = operands[0] + 1; /* after the program's name */
    free(line->arguments[at]);
    line->arguments[at] = api;
    if (!take_route(line, dialler, &line->arguments[operands[1] + 1], arguments[operands[1]]))
        return false;
    insert(line, at, text_copy("--from"));
    return true;
}

/* What of a devnet is looked at where no names are given. Only our nodes can be watched. */
static enum devnet_visits visits_of(const struct command_line *line)
{
    return strcmp(line->command, "watch") == 0 ? DEVNET_VISITS_NONE : DEVNET_VISITS_GENESIS;
}

/* Of other programs what there is: they have QUIC logs only where they were told. */
static void add_all_logs(struct command_line *line)
{
    for (size_t i = 0; i < line->devnet->count; i++) {
        const struct devnet_node *node = &line->devnet->nodes[i];
        char *qlog = devnet_path(line->devnet, node->name, "qlog");
        if (access(qlog, F_OK) == 0)
            push(line, logs_of(line->devnet, node));
        free(qlog);
    }
    char *tap = devnet_tap_logs(line->devnet);
    if (tap != NULL)
        push(line, tap);
}

static void add_all_nodes(struct command_line *line)
{
    size_t count;
    char **targets = devnet_targets(line->devnet, visits_of(line), &count);
    for (size_t i = 0; i < count; i++)
        push(line, targets[i]);
    free(targets);
}

/* Takes IDS, whose names are passed on. */
static void pass_ids(json_t *ids, const char *variable, const char *what)
{
    struct buffer all = {0};
    const char *id;
    json_t *is;
    json_object_foreach(ids, id, is)
    {
        buffer_append_text(&all, id);
        buffer_append_text(&all, "\n");
    }
    if (all.size > NAMES_VARIABLE_MAX)
        log_warn("%zu nodes: too many to pass on which %s", json_object_size(ids), what);
    else if (all.size > 0) {
        buffer_append_byte(&all, '\0');
        setenv(variable, (const char *)all.data, 1);
    }
    buffer_clear(&all);
    json_decref(ids);
}

/* So that a snapshot of all tells whom it leaves out. */
static void pass_left_out(const struct command_line *line)
{
    pass_ids(devnet_stopped_ids(line->devnet), STOPPED_VARIABLE, "are stopped");
    pass_ids(devnet_unasked(line->devnet, visits_of(line)), ENDED_VARIABLE,
             "have ended by themselves");
}

/* All of them as one operand, as `devnet-mesh diff` takes them. */
static void add_all_as_one(struct command_line *line)
{
    size_t count;
    char **targets = devnet_targets(line->devnet, visits_of(line), &count);
    struct buffer all = {0};
    for (size_t i = 0; i < count; i++) {
        buffer_append_text(&all, i > 0 ? "," : "");
        buffer_append_text(&all, targets[i]);
    }
    buffer_append_byte(&all, '\0');
    if (count > 0)
        push(line, (char *)all.data);
    else
        buffer_clear(&all);
    devnet_targets_free(targets, count);
}

static bool tell_none(const struct command_line *line)
{
    log_error("no devnet is up in %s, so name what to look at", line->devnet->folder);
    return false;
}

/* Of a devnet that is down, the mesh as it was then. */
static bool add_left_mesh(struct command_line *line)
{
    char *path = devnet_path(line->devnet, "mesh.json", NULL);
    if (strcmp(line->command, "watch") == 0 || access(path, F_OK) != 0) {
        free(path);
        return tell_none(line);
    }
    log_info("the devnet in %s is down: this is the mesh that it had", line->devnet->folder);
    push(line, path);
    return true;
}

/* Of a genesis folder it is not known which nodes are ours. */
static bool tell_no_api(const struct command_line *line)
{
    for (size_t i = 0; i < line->devnet->count; i++) {
        const struct devnet_node *node = &line->devnet->nodes[i];
        if (node->api == NULL || !node->stopped)
            continue;
        log_error("%s: nobody is left to ask: %s is stopped: `devnet start %s`", line->command,
                  node->name, node->name);
        return false;
    }
    log_error("%s: none of the nodes is known to have an API of ours, so name what to look at",
              line->command);
    return false;
}

/* What is meant where names are left out. */
static bool add_defaults(struct command_line *line, char **arguments)
{
    const char *guest = line->guest->name;
    const char *command = line->command;
    bool help = false;
    for (size_t i = 0; arguments[i] != NULL; i++)
        help |= strncmp(arguments[i], "--help", 6) == 0 || strcmp(arguments[i], "-h") == 0 ||
                strcmp(arguments[i], "--version") == 0;
    bool mesh = strcmp(guest, "mesh") == 0;
    bool all = mesh && line->operands == 1 && is_among(command, " dump check watch graph ");
    bool diff = mesh && line->operands == 2 && strcmp(command, "diff") == 0;
    bool orphans = strcmp(guest, "orphans") == 0 && line->operands == 0;
    if (help || (!all && !diff && !orphans))
        return true;
    if (line->down && !orphans)
        return add_left_mesh(line);
    for (size_t i = 0; i < line->devnet->count; i++)
        if (line->devnet->nodes[i].listen_count == 0 && !line->down)
            return true;
    if (line->devnet->count == 0)
        return tell_none(line);
    size_t before = line->count;
    if (mesh)
        pass_left_out(line);
    if (orphans)
        add_all_logs(line);
    else if (diff)
        add_all_as_one(line);
    else
        add_all_nodes(line);
    if (access(line->devnet->folder, F_OK) == 0)
        setenv(NEWCOMERS_VARIABLE, line->devnet->folder, 1);
    return line->count > before || orphans || tell_no_api(line);
}

static bool translate(struct command_line *line, const char *program, char **arguments)
{
    push(line, text_copy(program));
    bool verbatim = false;
    for (size_t i = 0; arguments[i] != NULL; i++) {
        verbatim |= strcmp(arguments[i], "--") == 0;
        if (verbatim)
            push(line, text_copy(arguments[i]));
        else if (!add_argument(line, i > 0 ? arguments[i - 1] : "", arguments[i]))
            return false;
    }
    if (strcmp(line->guest->name, "connect") == 0 && !add_from(line, arguments))
        return false;
    return add_defaults(line, arguments);
}

char *devnet_program(const char *program)
{
    const char *folder = getenv("DEVNET_BIN");
    char *self = subprocess_self(), *slash = self != NULL ? strrchr(self, '/') : NULL;
    if (slash != NULL)
        *slash = '\0';
    if (folder == NULL || *folder == '\0')
        folder = self != NULL ? self : "";
    char *path = text_format("%s/%s", folder, program);
    free(self);
    return path;
}

static const struct guest *find_guest(const char *name)
{
    const struct guest *guest = guests;
    while (*guest->name != '\0' && strcmp(guest->name, name) != 0)
        guest++;
    return guest;
}

bool devnet_is_guest(const char *name)
{
    return *find_guest(name)->name != '\0';
}

const char *devnet_guest_name(size_t index)
{
    const size_t count = sizeof(guests) / sizeof(*guests) - 1; /* without any other */
    return index < count ? guests[index].name : NULL;
}

/* Takes --genesis DIR out of ARGUMENTS: programs do not know it. */
static const char *take_genesis(char **arguments, const char *genesis)
{
    static const char option[] = "--genesis";
    size_t kept = 0;
    bool verbatim = false;
    for (size_t i = 0; arguments[i] != NULL; i++) {
        verbatim |= strcmp(arguments[i], "--") == 0;
        if (!verbatim && strcmp(arguments[i], option) == 0 && arguments[i + 1] != NULL)
            genesis = arguments[++i];
        else if (!verbatim && strncmp(arguments[i], option, strlen(option)) == 0 &&
                 arguments[i][strlen(option)] == '=')
            genesis = arguments[i] + strlen(option) + 1;
        else
            arguments[kept++] = arguments[i];
    }
    arguments[kept] = NULL;
    return genesis;
}

/* So that the program calls nodes by their names, which stand in its environment. */
static void pass_names(const struct devnet *devnet)
{
    char *all = text_copy("");
    for (size_t i = 0; i < devnet->count; i++) {
        const struct devnet_node *node = &devnet->nodes[i];
        const char *place = node->api != NULL        ? node->api
                            : node->listen_count > 0 ? node->listen[0]
                                                     : "";
        const char *tapped = node->tapped != NULL ? node->tapped : "";
        char *longer = node->peer_id != NULL
                           ? text_format("%s%s=%s,%s%s%s\n", all, node->name, node->peer_id, place,
                                         *tapped != '\0' ? "," : "", tapped)
                           : text_copy(all);
        free(all);
        all = longer;
    }
    const char *id;
    json_t *name;
    json_object_foreach(devnet->removed.by_id, id, name)
    {
        char *longer = text_format("%s%s=%s\n", all, json_string_value(name), id);
        bool fits = strlen(longer) <= NAMES_VARIABLE_MAX; /* those that are there go first */
        free(fits ? all : longer);
        all = fits ? longer : all;
    }
    if (strlen(all) > NAMES_VARIABLE_MAX)
        log_warn("%zu nodes: too many to pass on what they are called", devnet->count);
    else if (*all != '\0')
        setenv(NAMES_VARIABLE, all, 1);
    free(all);
}

/* So that its pages tell which paths are bad. */
static void pass_paths(const struct devnet *devnet)
{
    json_t *told = devnet_describe_paths(devnet);
    char *lines = devnet_paths_text(told, "", "parted: ", "\n");
    if (strlen(lines) > NAMES_VARIABLE_MAX)
        log_warn("too many paths to pass on what is wrong with them");
    else if (*lines != '\0')
        setenv(PATHS_VARIABLE, lines, 1);
    free(lines);
    json_decref(told);
}

int devnet_run_program(const char *folder, const char *genesis, const char *name, char **arguments)
{
    genesis = take_genesis(arguments, genesis);
    char *file = text_format("devnet-%s", name);
    char *program = devnet_program(file);
    struct devnet devnet;
    struct error error;
    devnet_init(&devnet, folder);
    struct command_line line = {.devnet = &devnet,
                                .guest = find_guest(name),
                                .genesis = genesis,
                                .command = arguments[0] != NULL ? arguments[0] : ""};
    if (strchr(name, '/') != NULL || access(program, X_OK) != 0) {
        log_error("%s: no such command, and there is no %s", name, program);
        log_error("try: devnet --help");
    } else if (!genesis_load_devnet(genesis, &devnet, &error) ||
               ((line.down = devnet.count == 0) && !devnet_load_left(&devnet, &error))) {
        log_error("%s", error.text);
    } else if (translate(&line, program, arguments)) {
        if (strcmp(name, "connect") == 0 && !line.down)
            devnet_note_command(&devnet, false);
        pass_names(&devnet);
        pass_paths(&devnet);
        signal(SIGPIPE, SIG_DFL);
        execv(program, line.arguments);
        log_error("%s: %s", program, strerror(errno));
    }
    for (size_t i = 0; i < line.count; i++)
        free(line.arguments[i]);
    free(line.arguments);
    devnet_clear(&devnet);
    free(program);
    free(file);
    return DEVNET_USAGE;
}
