#include "cmd/devnet/report_versions.h"

#include <event2/event.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "common/buffer.h"
#include "common/memory.h"
#include "common/utf8.h"
#include "net/mesh/snapshot.h"
#include "net/quic/libraries.h"

char *report_versions(void)
{
    struct utsname system;
    uname(&system);
    return text_format(
        "devnet %s on %s %s %s, with ngtcp2 %s, GnuTLS %s, libevent %s and jansson %s.\n",
        DEVNET_VERSION, system.sysname, system.release, system.machine, quic_ngtcp2_version(),
        quic_gnutls_version(), event_get_version(), jansson_version_str());
}

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

/* What nodes were told before: {peer id: agent}. */
static json_t *read_told(const char *folder)
{
    char *path = text_format("%s/timeline.jsonl", folder), *line = NULL;
    size_t room = 0;
    json_t *told = json_object();
    FILE *events = fopen(path, "re");
    while (events != NULL && getline(&line, &room, events) > 0) {
        if (strstr(line, "\"identified\"") == NULL)
            continue;
        json_t *event = json_loads(line, 0, NULL);
        const char *id = text_of(event, "peer_id"), *agent = text_of(event, "agent");
        if (id != NULL && agent != NULL)
            json_object_set_new(told, id, json_string(agent));
        json_decref(event);
    }
    if (events != NULL)
        fclose(events);
    free(line);
    free(path);
    return told;
}

static json_t *read_snapshot(const char *folder)
{
    struct error error;
    char *path = text_format("%s/mesh.json", folder);
    json_t *snapshot = access(path, F_OK) == 0 ? snapshot_read(path, &error) : NULL;
    free(path);
    return snapshot;
}

/* By what the node tells, or a visit or its peers were told; NULL where it is not known. */
static const char *agent_of(const json_t *snapshot, const char *peer_id)
{
    const json_t *nodes = json_object_get(snapshot, "nodes"), *node;
    const char *agent = text_of(snapshot_find_item(nodes, peer_id), "agent");
    if (agent == NULL)
        agent = text_of(snapshot_find_item(json_object_get(snapshot, "foreign"), peer_id), "agent");
    for (size_t i = 0; agent == NULL && (node = json_array_get(nodes, i)) != NULL; i++)
        agent = text_of(snapshot_find_item(json_object_get(node, "peers"), peer_id), "agent");
    return agent;
}

/* By agents, in the order of nodes, the names of those that have it: {agent: "node1, node2"}. */
static json_t *group(const struct devnet *devnet, const char *folder)
{
    json_t *snapshot = read_snapshot(folder), *told = read_told(folder), *groups = json_object();
    for (size_t i = 0; i < devnet->count; i++) {
        const struct devnet_node *node = &devnet->nodes[i];
        const char *agent = agent_of(snapshot, node->peer_id);
        if (agent == NULL && node->peer_id != NULL)
            agent = text_of(told, node->peer_id);
        if (agent == NULL)
            agent = "";
        const char *before = text_of(groups, agent);
        json_object_set_new(groups, agent,
                            json_sprintf("%s%s%s", before != NULL ? before : "",
                                         before != NULL ? ", " : "", node->name));
    }
    json_decref(snapshot);
    json_decref(told);
    return groups;
}

/* AGENT as code: strangers have written it. */
static void append_code(struct buffer *text, const char *agent)
{
    char *safe = utf8_safe_text(bytes_of_text(agent));
    for (char *tick = safe; (tick = strchr(tick, '`')) != NULL;)
        *tick = '\'';
    buffer_append_text(text, "`");
    buffer_append_text(text, safe);
    buffer_append_text(text, "`");
    free(safe);
}

char *report_agents(const struct devnet *devnet, const char *folder)
{
    struct buffer text = {0};
    json_t *groups = group(devnet, folder), *names;
    const char *agent, *before = "- agents: ";
    json_object_foreach(groups, agent, names)
    {
        buffer_append_text(&text, before);
        if (*agent != '\0')
            append_code(&text, agent);
        else
            buffer_append_text(&text, "not known");
        buffer_append_text(&text, " (");
        buffer_append_text(&text, json_string_value(names));
        buffer_append_text(&text, ")");
        before = "; ";
    }
    json_decref(groups);
    buffer_append_text(&text, "\n");
    buffer_append(&text, "", 1);
    char *line = text_copy((const char *)text.data);
    buffer_clear(&text);
    return line;
}
