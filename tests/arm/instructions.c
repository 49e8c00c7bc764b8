/* A plugin of QEMU's emulator of programs: counts the instructions of the emulated processor that were executed, on all
 * threads, and says so at the end. Debian packs neither the header nor the plugins that come with QEMU, so what is needed
 * of docs/devel/tcg-plugins is declared here. */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

typedef uint64_t plugin_id;
struct tb;

void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id id, void (*called)(plugin_id id, struct tb *tb));
void qemu_plugin_register_vcpu_tb_exec_inline(struct tb *tb, int op, void *at, uint64_t add);
void qemu_plugin_register_atexit_cb(plugin_id id, void (*called)(plugin_id id, void *data), void *data);
size_t qemu_plugin_tb_n_insns(const struct tb *tb);
void qemu_plugin_outs(const char *text);

enum { INLINE_ADD_U64 };

__attribute__((visibility("default"))) int qemu_plugin_version = 1;

static uint64_t executed;

static void translated(plugin_id id, struct tb *tb) {
    (void)id;
    qemu_plugin_register_vcpu_tb_exec_inline(tb, INLINE_ADD_U64, &executed, qemu_plugin_tb_n_insns(tb));
}

static void ended(plugin_id id, void *data) {
    char text[64];
    (void)id, (void)data;
    snprintf(text, sizeof text, "instructions %" PRIu64 "\n", executed);
    qemu_plugin_outs(text);
}

__attribute__((visibility("default"))) int qemu_plugin_install(plugin_id id, const void *info, int count, char **words) {
    (void)info, (void)count, (void)words;
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_atexit_cb(id, ended, NULL);
    return 0;
}
