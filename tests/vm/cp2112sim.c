/* Plays a chip of GPIO lines: the eight of a Silicon Labs CP2112, a bridge on the USB bus, as far as the reports go that
 * the kernel's drivers/hid/hid-cp2112.c uses for lines. Debian's kernel has no gpio-sim, but that driver, and it takes
 * what /dev/uhid gives it for a device.
 *
 *     cp2112sim FOLDER                                                     needs: modprobe uhid hid-cp2112
 *
 * FOLDER/inputs holds the levels of the input lines as a number, line n being bit n; without the file all are low. Each
 * change of an output is a line of FOLDER/outputs, the levels of all lines then. The kernel takes the chip away when this
 * program ends. */
#include <errno.h>
#include <fcntl.h>
#include <linux/uhid.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CONFIG = 0x02, GET = 0x03, SET = 0x04, VERSION = 0x05, SMBUS = 0x06, USB = 0x21 };

/* One vendor's page with a report of 63 bytes: the driver asks for its reports without looking here. */
static const uint8_t descriptor[] = {0x06, 0x00, 0xff, 0x09, 0x01, 0xa1, 0x01, 0x85, 0x10, 0x09, 0x01,
                                     0x15, 0x00, 0x26, 0xff, 0x00, 0x75, 0x08, 0x95, 0x3f, 0x81, 0x02, 0xc0};

/* What the driver reads and writes as a whole, each beginning with its number. */
static uint8_t config[5] = {CONFIG}, smbus[14] = {SMBUS, 0, 1, 0x86, 0xa0, 2}, usb[10] = {USB, 0xc4, 0x10, 0x90, 0xea};
static const uint8_t version[3] = {VERSION, 0x0c, 0x03};

static uint8_t levels;
static const char *inputs_file, *outputs_file;

static void die(const char *what) {
    perror(what);
    exit(1);
}

static uint8_t inputs(void) {
    char text[16] = {0};
    int f = open(inputs_file, O_RDONLY);
    if (f < 0)
        return 0;
    if (read(f, text, sizeof text - 1) < 0)
        text[0] = 0;
    close(f);
    return (uint8_t)strtoul(text, NULL, 0);
}

static void set_outputs(uint8_t values, uint8_t lines) {
    uint8_t before = levels;
    levels = (uint8_t)((levels & ~lines) | (values & lines));
    if (levels == before)
        return;
    FILE *f = fopen(outputs_file, "a");
    if (!f)
        die(outputs_file);
    fprintf(f, "%u\n", levels);
    fclose(f);
}

/* The answer to a question for a report: its bytes, or 0 for one that the chip does not have. */
static uint16_t answer(uint8_t report, uint8_t *to) {
    uint8_t lines[2] = {GET, (uint8_t)((inputs() & ~config[1]) | (levels & config[1]))};
    const void *from;
    size_t bytes;
    switch (report) {
    case CONFIG: from = config, bytes = sizeof config; break;
    case GET: from = lines, bytes = sizeof lines; break;
    case VERSION: from = version, bytes = sizeof version; break;
    case SMBUS: from = smbus, bytes = sizeof smbus; break;
    case USB: from = usb, bytes = sizeof usb; break;
    default: return 0;
    }
    memcpy(to, from, bytes);
    return (uint16_t)bytes;
}

static void take(const uint8_t *report, size_t bytes) {
    if (bytes >= sizeof config && report[0] == CONFIG)
        memcpy(config, report, sizeof config);
    else if (bytes >= sizeof smbus && report[0] == SMBUS)
        memcpy(smbus, report, sizeof smbus);
    else if (bytes >= 3 && report[0] == SET)
        set_outputs(report[1], report[2]);
}

static void send_event(int device, const struct uhid_event *event) {
    if (write(device, event, sizeof *event) != (ssize_t)sizeof *event)
        die("/dev/uhid");
}

int main(int count, char **words) {
    if (count != 2) {
        fprintf(stderr, "cp2112sim FOLDER\n");
        return 2;
    }
    char inputs_path[4096], outputs_path[4096];
    snprintf(inputs_path, sizeof inputs_path, "%s/inputs", words[1]);
    snprintf(outputs_path, sizeof outputs_path, "%s/outputs", words[1]);
    inputs_file = inputs_path, outputs_file = outputs_path;
    int device = open("/dev/uhid", O_RDWR);
    if (device < 0)
        die("/dev/uhid");
    struct uhid_event event = {.type = UHID_CREATE2};
    strcpy((char *)event.u.create2.name, "CP2112 HID USB-to-SMBus Bridge");
    memcpy(event.u.create2.rd_data, descriptor, sizeof descriptor);
    event.u.create2.rd_size = sizeof descriptor;
    event.u.create2.bus = 3; /* BUS_USB */
    event.u.create2.vendor = 0x10c4;
    event.u.create2.product = 0xea90;
    send_event(device, &event);

    for (;;) {
        struct uhid_event asked, reply;
        if (read(device, &asked, sizeof asked) < 0)
            die("/dev/uhid");
        memset(&reply, 0, sizeof reply);
        if (asked.type == UHID_GET_REPORT) {
            reply.type = UHID_GET_REPORT_REPLY;
            reply.u.get_report_reply.id = asked.u.get_report.id;
            reply.u.get_report_reply.size = answer(asked.u.get_report.rnum, reply.u.get_report_reply.data);
            reply.u.get_report_reply.err = reply.u.get_report_reply.size ? 0 : EIO;
            send_event(device, &reply);
        } else if (asked.type == UHID_SET_REPORT) {
            take(asked.u.set_report.data, asked.u.set_report.size);
            reply.type = UHID_SET_REPORT_REPLY;
            reply.u.set_report_reply.id = asked.u.set_report.id;
            send_event(device, &reply);
        }
    }
}
