/*
 * The kernel's interface without a C library: system calls, memory and numbers, for x86-64 and arm64.
 *
 * The supervisor is freestanding so that it runs on every Linux whatever is installed, is a few KiB to send, and builds to
 * the same bytes wherever the same compiler does. Calls return the kernel's own value: negative is an errno.
 *
 * Deliberately absent: allocation. Everything has its place in the program's own memory, with a bound.
 */
#ifndef SYS_H
#define SYS_H
#include <asm/unistd.h>
#include <linux/audit.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/filter.h>
#include <linux/ioctl.h>
#include <linux/openat2.h>
#include <linux/prctl.h>
#include <linux/ptrace.h>
#include <linux/seccomp.h>
#include <linux/stat.h>

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long u64;
typedef long i64;

#if defined(__x86_64__)
#define OWN_ARCH AUDIT_ARCH_X86_64
#define OWN_MACHINE 62 /* EM_X86_64 */
static inline i64 sys6(i64 n, i64 a, i64 b, i64 c, i64 d, i64 e, i64 f) {
  i64 r;
  register i64 r10 __asm__("r10") = d;
  register i64 r8 __asm__("r8") = e;
  register i64 r9 __asm__("r9") = f;
  __asm__ volatile("syscall" : "=a"(r) : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
  return r;
}
__asm__(".globl _start\n_start:\n xor %ebp,%ebp\n mov %rsp,%rdi\n and $-16,%rsp\n call start\n hlt\n");
#elif defined(__aarch64__)
#define OWN_ARCH AUDIT_ARCH_AARCH64
#define OWN_MACHINE 183 /* EM_AARCH64 */
static inline i64 sys6(i64 n, i64 a, i64 b, i64 c, i64 d, i64 e, i64 f) {
  register i64 x8 __asm__("x8") = n;
  register i64 x0 __asm__("x0") = a;
  register i64 x1 __asm__("x1") = b;
  register i64 x2 __asm__("x2") = c;
  register i64 x3 __asm__("x3") = d;
  register i64 x4 __asm__("x4") = e;
  register i64 x5 __asm__("x5") = f;
  __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
  return x0;
}
__asm__(".globl _start\n_start:\n mov x29,#0\n mov x30,#0\n mov x0,sp\n and x9,x0,#-16\n mov sp,x9\n bl start\n brk #0\n");
#else
#error "x86-64 and arm64 only"
#endif

#define SYS(n, a, b, c, d, e, f) sys6(__NR_##n, (i64)(a), (i64)(b), (i64)(c), (i64)(d), (i64)(e), (i64)(f))
#define SYS1(n, a) SYS(n, a, 0, 0, 0, 0, 0)
#define SYS2(n, a, b) SYS(n, a, b, 0, 0, 0, 0)
#define SYS3(n, a, b, c) SYS(n, a, b, c, 0, 0, 0)
#define SYS4(n, a, b, c, d) SYS(n, a, b, c, d, 0, 0)

/* What the kernel's exported headers leave to the C library. */
#define X_OK 1
#define SIGHUP 1
#define SIGINT 2
#define SIGQUIT 3
#define SIGTRAP 5
#define SIGKILL 9
#define SIGUSR1 10
#define SIGUSR2 12
#define SIGPIPE 13
#define SIGTERM 15
#define SIGCHLD 17
#define SIGCONT 18
#define SIGTSTP 20
#define SIGTTIN 21
#define SIGTTOU 22
#define WNOHANG 1
#define WALL 0x40000000
#define POLLIN 1
#define POLLERR 8
#define POLLHUP 16
#define AF_UNIX 1
#define SOCK_STREAM 1
#define SOCK_SEQPACKET 5
#define SOCK_CLOEXEC 02000000
#define SOL_SOCKET 1
#define SO_PEERCRED 17
#define SCM_RIGHTS 1
#define MSG_NOSIGNAL 0x4000
#define MSG_CMSG_CLOEXEC 0x40000000
#define TIOCSCTTY 0x540E
#define TIOCNOTTY 0x5422
#define TCGETS 0x5401

struct pollfd { int fd; u16 events, revents; };
struct timespec64 { i64 sec, nsec; };
struct iovec64 { u64 base, len; };

void *memcpy(void *to, const void *from, u64 n) {
  u8 *t = to;
  const u8 *f = from;
  while (n--) *t++ = *f++;
  return to;
}
void *memset(void *to, int c, u64 n) {
  u8 *t = to;
  while (n--) *t++ = (u8)c;
  return to;
}
static int same(const void *a, const void *b, u64 n) {
  const u8 *x = a, *y = b;
  for (; n; n--) if (*x++ != *y++) return 0;
  return 1;
}
static u64 length(const char *s) {
  u64 n = 0;
  while (s[n]) n++;
  return n;
}
static int starts(const char *s, const char *with) {
  while (*with) if (*s++ != *with++) return 0;
  return 1;
}
static int equal(const char *a, const char *b) {
  return starts(a, b) && length(a) == length(b);
}

/* Texts of bounded size; what does not fit makes the whole text empty, which no call takes for a name. */
struct text { char *at; u64 used, size; };
static void put(struct text *t, const char *s, u64 n) {
  if (t->size == 0 || n >= t->size - t->used) { t->size = 0; return; }
  memcpy(t->at + t->used, s, n);
  t->used += n;
  t->at[t->used] = 0;
}
static void putString(struct text *t, const char *s) { put(t, s, length(s)); }
static void putNumber(struct text *t, u64 n) {
  char digits[20];
  int k = 20;
  do digits[--k] = (char)('0' + n % 10); while (n /= 10);
  put(t, digits + k, (u64)(20 - k));
}
/* Writes "/proc/PID/rest". */
static const char *procPath(char *to, u64 size, u32 pid, const char *rest) {
  struct text t = {to, 0, size};
  putString(&t, "/proc/");
  putNumber(&t, pid);
  putString(&t, "/");
  putString(&t, rest);
  if (t.size == 0) to[0] = 0;
  return to;
}
static const char *fdPath(char *to, u64 size, int fd) {
  struct text t = {to, 0, size};
  putString(&t, "/proc/self/fd/");
  putNumber(&t, (u64)fd);
  return to;
}

static void quit(int code) {
  for (;;) SYS1(exit_group, code);
}
static void closeFd(int fd) { if (fd >= 0) SYS1(close, fd); }
static int openFile(const char *path, int flags) { return (int)SYS4(openat, AT_FDCWD, path, flags | O_CLOEXEC, 0); }
static i64 waitMs(struct pollfd *fds, u64 n, i64 ms) {
  struct timespec64 t = {ms / 1000, (ms % 1000) * 1000000};
  return SYS(ppoll, fds, n, ms < 0 ? 0 : &t, 0, 8, 0);
}

/* Reads a file to its end or to `size`; the bytes read. */
static i64 readFileAt(const char *path, void *to, u64 size) {
  int fd = openFile(path, O_RDONLY);
  if (fd < 0) return fd;
  u64 used = 0;
  i64 n = 0;
  while (used < size && (n = SYS3(read, fd, (u8 *)to + used, size - used)) > 0) used += (u64)n;
  closeFd(fd);
  return n < 0 ? n : (i64)used;
}

/* Which file: pinned by a descriptor where it matters that the number is not given away again. */
struct identity { u64 device, inode, changed; u32 mode; };
static i64 identify(int directory, const char *path, int flags, struct identity *to) {
  struct statx x;
  i64 r = SYS(statx, directory, path, flags, STATX_BASIC_STATS, &x, 0);
  if (r < 0) return r;
  to->device = (u64)x.stx_dev_major << 32 | x.stx_dev_minor;
  to->inode = x.stx_ino;
  to->mode = x.stx_mode;
  // Nobody can set it: it moves with contents, mode and names.
  to->changed = (u64)x.stx_ctime.tv_sec * 1000000000 + x.stx_ctime.tv_nsec;
  return 0;
}
static int sameFile(const struct identity *a, const struct identity *b) {
  return a->device == b->device && a->inode == b->inode;
}
/* The same file, and nothing was written to it since. */
static int isUnchanged(const struct identity *a, const struct identity *b) {
  return sameFile(a, b) && a->changed == b->changed;
}

/* Descriptors over a socket. */
struct message { u64 name; u32 nameSize, pad; struct iovec64 *parts; u64 partCount; void *control; u64 controlSize; u32 flags, pad2; };
struct control { u64 size; int level, type; int fds[2]; };
static i64 sendFds(int socket, int a, int b) {
  u8 byte = 1;
  struct iovec64 part = {(u64)&byte, 1};
  int n = b < 0 ? 1 : 2;
  struct control c = {16 + (u64)n * 4, SOL_SOCKET, SCM_RIGHTS, {a, b}};
  struct message m = {0, 0, 0, &part, 1, &c, sizeof c, 0, 0};
  return SYS3(sendmsg, socket, &m, MSG_NOSIGNAL);
}
static i64 receiveFds(int socket, int *a, int *b) {
  u8 byte;
  struct iovec64 part = {(u64)&byte, 1};
  struct control c;
  memset(&c, 0, sizeof c);
  struct message m = {0, 0, 0, &part, 1, &c, sizeof c, 0, 0};
  i64 r = SYS3(recvmsg, socket, &m, MSG_CMSG_CLOEXEC);
  int n = b ? 2 : 1;
  if (r <= 0 || c.type != SCM_RIGHTS || c.size != 16 + (u64)n * 4) return -1;
  *a = c.fds[0];
  if (b) *b = c.fds[1];
  return 0;
}
#endif
