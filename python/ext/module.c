#include "python/ext/channel.h"
#include "python/ext/connection.h"
#include "python/ext/deflater.h"
#include "python/ext/event.h"
#include "python/ext/failure.h"
#include "python/ext/hdtable.h"
#include "python/ext/inflater.h"
#include "python/ext/memory.h"

static bool make_names(binding *b) {
    for (int i = HTTP_TOKEN_OTHER + 1; i < HTTP_TOKEN_COUNT; i++) {
        span name = fields_name((http_token)i);
        b->names[i] = PyBytes_FromStringAndSize((const char *)name.p, (Py_ssize_t)name.n);
        if (!b->names[i]) return false;
    }
    return true;
}

/* The lists of the wire, for enumerations. */
static bool make_lists(PyObject *module) {
    static const struct {
        const char *prefix;
        long value;
    } all[] = {
#define H2_CODE(name, value, text) {"CODE_" #name, value},
#include "core/h2_code.def"
#undef H2_CODE
#define H2_SETTING(name, id, initial, min, max, code) {"SETTING_" #name, id},
#include "core/h2_setting.def"
#undef H2_SETTING
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (PyModule_AddIntConstant(module, all[i].prefix, all[i].value) < 0) return false;
    return true;
}

static int execute(PyObject *module) {
    binding *b = PyModule_GetState(module);
    session_scratch_init(&b->scratch, &memory_hook);
    bool good = failure_init(b) && make_names(b) && make_lists(module) && event_init(b, module) &&
                hdtable_init(b, module) && deflater_init(b, module) && inflater_init(b, module) &&
                connection_init(b, module) && channel_init(b, module);
    return good ? 0 : -1;
}

static int traverse(PyObject *module, visitproc visit, void *arg) {
    binding *b = PyModule_GetState(module);
    Py_VISIT(b->connection);
    Py_VISIT(b->deflater);
    Py_VISIT(b->inflater);
    Py_VISIT(b->channel);
    Py_VISIT(b->entry);
    for (int i = 0; i < EVENT_COUNT; i++) Py_VISIT(b->events[i]);
    for (int i = 0; i < FAILURE_COUNT; i++) Py_VISIT(b->failures[i]);
    return 0;
}

/* Only types that may stand in a cycle: what calls need stays until the module is freed. */
static int clear(PyObject *module) {
    binding *b = PyModule_GetState(module);
    Py_CLEAR(b->connection);
    Py_CLEAR(b->deflater);
    Py_CLEAR(b->inflater);
    Py_CLEAR(b->channel);
    return 0;
}

static void end(void *module) {
    binding *b = PyModule_GetState(module);
    clear(module);
    Py_CLEAR(b->entry);
    for (int i = 0; i < EVENT_COUNT; i++) Py_CLEAR(b->events[i]);
    for (int i = 0; i < FAILURE_COUNT; i++) Py_CLEAR(b->failures[i]);
    for (int i = 0; i < HTTP_TOKEN_COUNT; i++) Py_CLEAR(b->names[i]);
    session_scratch_end(&b->scratch);
}

static PyModuleDef_Slot slots[] = {BINDING_SLOT(Py_mod_exec, execute), {0, NULL}};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "h2box._core",
    .m_doc = "HTTP/2, HTTP/1.1 and HPACK without I/O; use it as h2box.",
    .m_size = sizeof(binding),
    .m_slots = slots,
    .m_traverse = traverse,
    .m_clear = clear,
    .m_free = end,
};

PyMODINIT_FUNC PyInit__core(void) { return PyModuleDef_Init(&definition); }
