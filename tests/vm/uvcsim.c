/* Plays a USB camera: a device of the USB Video Class 1.1 with bulk transfers that plugs itself into the kernel's
 * vhci-hcd over a pair of sockets, by the USB/IP protocol (Documentation/usb/usbip_protocol.rst). The kernel's own
 * uvcvideo then makes /dev/video*; the pictures are MJPEG from files, in turns.
 *
 *     uvcsim FAULT WIDTH HEIGHT FRAMES_PER_SECOND a.jpg [b.jpg ...]       needs: modprobe vhci-hcd uvcvideo
 *
 * FAULT is a file that need not be there; it says what is wrong with each frame: "stall" for no frame at all, "half" of
 * one, a "corrupt" one between the right first and last bytes, an "empty" one. SIGTERM unplugs the camera. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#define PAYLOAD 16384

static int line, width, height, rate, pictures;
static uint8_t *picture[64], *corrupt[64];
static size_t picture_bytes[64];
static uint32_t largest_frame;
static const char *fault_file;

/* The first letter of what is wrong with the next frame, or 0. */
static char fault(void) {
    char letter = 0;
    int f = open(fault_file, O_RDONLY);
    if (f < 0)
        return 0;
    if (read(f, &letter, 1) != 1)
        letter = 0;
    close(f);
    return letter;
}

static uint8_t *corrupted(const uint8_t *whole, size_t bytes) {
    uint8_t *copy = malloc(bytes);
    memcpy(copy, whole, bytes);
    if (bytes > 4)
        memset(copy + 2, 0xa5, bytes - 4);
    return copy;
}

struct usbip_header {
    uint32_t cmd, seq, devid, dir, ep, a, b, c, d, e;
    uint8_t setup[8];
} __attribute__((packed));

static void read_all(void *p, size_t n) {
    char *q = p;
    while (n) {
        ssize_t r = read(line, q, n);
        if (r <= 0) {
            if (r < 0 && errno == EINTR)
                continue;
            exit(0);
        }
        q += r;
        n -= r;
    }
}

static void write_all(const void *p, size_t n) {
    const char *q = p;
    while (n) {
        ssize_t r = write(line, q, n);
        if (r <= 0) {
            if (r < 0 && errno == EINTR)
                continue;
            exit(0);
        }
        q += r;
        n -= r;
    }
}

static void answer(uint32_t seq, int st, const void *d, uint32_t n, int in) {
    struct usbip_header h = {0};
    h.cmd = htonl(3);
    h.seq = htonl(seq);
    h.a = htonl(st);
    h.b = htonl(n);
    write_all(&h, sizeof h);
    if (in && n)
        write_all(d, n);
}

static uint8_t descriptors[512];
static int descriptors_length;

static void add(int n, const uint8_t *b) {
    memcpy(descriptors + descriptors_length, b, n);
    descriptors_length += n;
}

#define DESCRIPTOR(...)                                                                                                \
    do {                                                                                                               \
        const uint8_t t_[] = {__VA_ARGS__};                                                                            \
        add(sizeof t_, t_);                                                                                            \
    } while (0)
#define LE16(x) (uint8_t)(x), (uint8_t)((x) >> 8)
#define LE32(x) (uint8_t)(x), (uint8_t)((x) >> 8), (uint8_t)((x) >> 16), (uint8_t)((x) >> 24)

static void describe(void) {
    uint32_t iv = 10000000 / rate, br = largest_frame * 8 * rate;
    DESCRIPTOR(9, 2, 0, 0, 2, 1, 0, 0x80, 250);
    DESCRIPTOR(8, 11, 0, 2, 14, 3, 0, 0);
    DESCRIPTOR(9, 4, 0, 0, 0, 14, 1, 0, 0);
    DESCRIPTOR(13, 0x24, 1, 0x10, 1, LE16(13 + 18 + 12 + 9), LE32(48000000), 1, 1);
    DESCRIPTOR(18, 0x24, 2, 1, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0x0a, 0, 0); /* camera: AE mode, absolute exposure */
    DESCRIPTOR(12, 0x24, 5, 2, 1, 0, 0, 2, 1, 0, 0, 0);
    DESCRIPTOR(9, 0x24, 3, 3, 1, 1, 0, 2, 0); /* processing unit: brightness */
    DESCRIPTOR(9, 4, 1, 0, 1, 14, 2, 0, 0);
    DESCRIPTOR(14, 0x24, 1, 1, LE16(14 + 11 + 30 + 6), 0x81, 0, 3, 0, 0, 0, 1, 0);
    DESCRIPTOR(11, 0x24, 6, 1, 1, 1, 1, 0, 0, 0, 0);
    DESCRIPTOR(30, 0x24, 7, 1, 0, LE16(width), LE16(height), LE32(br), LE32(br), LE32(largest_frame), LE32(iv), 1,
               LE32(iv));
    DESCRIPTOR(6, 0x24, 13, 1, 1, 4);
    DESCRIPTOR(7, 5, 0x81, 2, 0, 2, 0);
    descriptors[2] = descriptors_length;
    descriptors[3] = descriptors_length >> 8;
}

static int32_t values[3] = {100, 8, 156}; /* brightness, AE mode (8 = aperture priority), exposure */

static void control(uint32_t seq, const uint8_t *s, uint32_t len, int in, uint8_t *od) {
    uint8_t b[512];
    int n = -1;
    memset(b, 0, sizeof b);
    uint16_t v = s[2] | s[3] << 8, ix = s[4] | s[5] << 8;
    if (s[0] == 0x80 && s[1] == 6) {
        if (s[3] == 1) {
            const uint8_t d[] = {18, 1, 0, 2, 0xef, 2, 1, 64, 0x6b, 0x1d, 2, 1, 0, 1, 1, 2, 3, 1};
            memcpy(b, d, n = 18);
        } else if (s[3] == 2)
            memcpy(b, descriptors, n = descriptors_length);
        else if (s[3] == 3) {
            const char *t[] = {"", "probe", "UVC simulator", "SIM0001"};
            if (!s[2]) {
                b[0] = 4;
                b[1] = 3;
                b[2] = 9;
                b[3] = 4;
                n = 4;
            } else if (s[2] < 4) {
                n = 2;
                for (const char *p = t[s[2]]; *p; p++) {
                    b[n++] = *p;
                    b[n++] = 0;
                }
                b[0] = n;
                b[1] = 3;
            }
        }
    } else if (s[0] == 0x80 && s[1] == 0)
        n = 2;
    else if (s[0] == 0x81 && s[1] == 10)
        n = 1;
    else if (!(s[0] & 0x60) && !in)
        n = 0;                          /* SET_CONFIGURATION, SET_INTERFACE, CLEAR_FEATURE */
    else if (s[0] == 0xa1 && ix == 1) { /* streaming: probe, commit */
        const uint8_t p[] = {1,
                             0,
                             1,
                             1,
                             LE32(10000000 / rate),
                             0,
                             0,
                             0,
                             0,
                             0,
                             0,
                             0,
                             0,
                             0,
                             0,
                             LE32(largest_frame),
                             LE32(PAYLOAD),
                             LE32(48000000),
                             0,
                             0,
                             0,
                             0};
        if (s[1] == 0x86) {
            b[0] = 3;
            n = 1;
        } else if (s[1] == 0x85) {
            b[0] = 34;
            n = 2;
        } else {
            memcpy(b, p, sizeof p);
            n = 34;
        }
    } else if (s[0] == 0x21 && ix == 1)
        n = 0;
    else if ((s[0] == 0xa1 || s[0] == 0x21) && (ix & 255) == 0) { /* camera and processing unit controls */
        int k = (ix >> 8) == 2 && (v >> 8) == 2   ? 0
                : (ix >> 8) == 1 && (v >> 8) == 2 ? 1
                : (ix >> 8) == 1 && (v >> 8) == 4 ? 2
                                                  : -1;
        static const int sz[] = {2, 1, 4};
        static const int32_t mn[] = {0, 1, 1}, mx[] = {255, 8, 5000}, rs[] = {1, 9, 1}, df[] = {100, 8, 156};
        if (k >= 0 && s[0] == 0x21) {
            int32_t x = 0;
            memcpy(&x, od, sz[k]);
            values[k] = x;
            n = 0;
        } else if (k >= 0) {
            int32_t x = s[1] == 0x81   ? values[k]
                        : s[1] == 0x82 ? mn[k]
                        : s[1] == 0x83 ? mx[k]
                        : s[1] == 0x84 ? rs[k]
                                       : df[k];
            if (s[1] == 0x86) {
                b[0] = 3;
                n = 1;
            } else if (s[1] == 0x85) {
                b[0] = sz[k];
                n = 2;
            } else {
                memcpy(b, &x, 4);
                n = sz[k];
            }
        }
    }
    if (n < 0)
        answer(seq, -EPIPE, 0, 0, in);
    else if (in)
        answer(seq, 0, b, (uint32_t)n < len ? (uint32_t)n : len, 1);
    else
        answer(seq, 0, 0, len, 0);
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

int main(int c, char **a) {
    if (c < 6)
        return 2;
    fault_file = a[1];
    width = atoi(a[2]);
    height = atoi(a[3]);
    rate = atoi(a[4]);
    for (int i = 5; i < c && pictures < 64; i++) {
        int f = open(a[i], O_RDONLY);
        struct stat st;
        if (f < 0 || fstat(f, &st))
            return perror(a[i]), 1;
        picture[pictures] = malloc(st.st_size + 1);
        if (read(f, picture[pictures], st.st_size) != st.st_size)
            return 1;
        corrupt[pictures] = corrupted(picture[pictures], st.st_size);
        picture_bytes[pictures++] = st.st_size;
        close(f);
    }
    largest_frame = width * height * 2;
    describe();
    signal(SIGPIPE, SIG_IGN);
    int sv[2];
    char b[64];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, sv))
        return 1;
    line = sv[0];
    int at = open("/sys/devices/platform/vhci_hcd.0/attach", O_WRONLY);
    int n = sprintf(b, "0 %d %d 3", sv[1], 0x10001);
    if (at < 0 || write(at, b, n) != n)
        return perror("vhci attach"), 1;
    close(at);
    close(sv[1]);
    fprintf(stderr, "uvcsim: plugged in\n");
    uint32_t q[64], ql[64];
    int qn = 0, fi = 0, fid = 0;
    size_t off = 0, tot = 0;
    const uint8_t *frame = 0;
    double next = now();
    for (;;) {
        struct pollfd p = {line, POLLIN, 0};
        double w = next - now();
        int r = poll(&p, 1, qn ? (w > 0 ? (int)(w * 1000) + 1 : 0) : 200);
        if (r > 0) {
            struct usbip_header h;
            read_all(&h, sizeof h);
            uint32_t seq = ntohl(h.seq), len = ntohl(h.b), dir = ntohl(h.dir), ep = ntohl(h.ep);
            uint8_t od[4096];
            if (ntohl(h.cmd) == 2) {
                uint32_t u = ntohl(h.a);
                int st = 0;
                for (int i = 0; i < qn; i++)
                    if (q[i] == u) {
                        memmove(q + i, q + i + 1, (qn - i - 1) * 4);
                        memmove(ql + i, ql + i + 1, (qn - i - 1) * 4);
                        qn--;
                        st = -ECONNRESET;
                        break;
                    }
                struct usbip_header o = {0};
                o.cmd = htonl(4);
                o.seq = htonl(seq);
                o.a = htonl(st);
                write_all(&o, sizeof o);
                continue;
            }
            if (!dir && len)
                read_all(od, len < sizeof od ? len : sizeof od);
            if (ep == 0)
                control(seq, h.setup, len, dir, od);
            else if (qn < 64) {
                q[qn] = seq;
                ql[qn++] = len;
            } else
                answer(seq, -EPIPE, 0, 0, 1);
        }
        while (qn && (off || now() >= next)) { /* one payload a URB */
            if (!off) {
                next += 1.0 / rate;
                if (next < now())
                    next = now() + 1.0 / rate;
                char wrong = fault();
                if (wrong == 's')
                    break;
                frame = wrong == 'c' ? corrupt[fi] : picture[fi];
                tot = wrong == 'e' ? 0 : wrong == 'h' ? picture_bytes[fi] / 2 : picture_bytes[fi];
            }
            size_t room = (ql[0] < PAYLOAD ? ql[0] : PAYLOAD) - 2, k = tot - off < room ? tot - off : room;
            uint8_t o[PAYLOAD];
            int last = off + k >= tot;
            o[0] = 2;
            o[1] = 0x80 | fid | (last ? 2 : 0);
            memcpy(o + 2, frame + off, k);
            answer(q[0], 0, o, k + 2, 1);
            memmove(q, q + 1, --qn * 4);
            memmove(ql, ql + 1, qn * 4);
            if (last) {
                off = 0;
                fid ^= 1;
                fi = (fi + 1) % pictures;
            } else
                off += k;
        }
    }
}
