/*
 * One start of a program, from the question to the proof that what started is what was approved.
 *
 *     free ── notification ──► asked ── allow ──► starting ── exec seen, compared ──► free
 *               │                │ deny, withdrawn            │ failed ──► free
 *               └ errno ► free   └──────► free                └ differs ──► killed ► free
 *
 * The kernel reads name and arguments again after it was told to go on, so the answer is not enough: the process is traced
 * for the length of its execve and looked at when the new program is in place and has not run an instruction. Whatever
 * changed in between (another thread, shared memory, a renamed file) shows there.
 */
#ifndef ASKS_H
#define ASKS_H
#include "frames.h"
#include "target.h"

#define ASKS_MAX 64
#define TOKEN_BYTES 16

enum { FREE, ASKED, STARTING };
enum { INITIAL = 1, MEMORY = 2, DELETED = 4, SCRIPT = 8, SETUID = 16, THREADS = 32, PLAIN = 64 };

struct ask {
  int state;
  u32 tid, pid;
  u64 notification;
  u8 token[TOKEN_BYTES];
  int file, program;                 /* what was named, and what the kernel will load: an interpreter, or the same */
  struct identity named, loaded;     /* both as they were when it was asked */
  int directory, noFollow;           /* from where `name` was looked up */
  int error;                         /* what execve will give, although it is allowed */
  char name[PATH_MAX_BYTES + 64];
  u32 argumentBytes, expectedBytes;  /* as given; as the new program must have them */
  u32 environmentBytes;
  char arguments[ARGUMENT_BYTES];
  char expected[ARGUMENT_BYTES + 4 * PATH_MAX_BYTES];
  char environment[ENVIRONMENT_BYTES];
};

static struct ask asks[ASKS_MAX];
static int listener = -1;
static u64 asked = 0;

static struct ask *askOf(u32 tid, int state) {
  for (int k = 0; k < ASKS_MAX; k++) if (asks[k].state == state && asks[k].tid == tid) return &asks[k];
  return 0;
}
static struct ask *freeAsk(void) {
  for (int k = 0; k < ASKS_MAX; k++) if (asks[k].state == FREE) return &asks[k];
  return 0;
}
static int isAnyAsked(void) {
  for (int k = 0; k < ASKS_MAX; k++) if (asks[k].state == ASKED) return 1;
  return 0;
}
static void release(struct ask *a) {
  closeFd(a->file);
  if (a->program != a->file) closeFd(a->program);
  a->file = a->program = -1;
  a->state = FREE;
}
static void tell(struct ask *a, u8 type, u32 number) {
  begin(type);
  addBytes(a->token, TOKEN_BYTES);
  addNumber(number);
  finish();
}

static i64 answer(u64 notification, i64 error) {
  struct seccomp_notif_resp r = {notification, 0, (int)error, error == 0 ? SECCOMP_USER_NOTIF_FLAG_CONTINUE : 0};
  return SYS3(ioctl, listener, SECCOMP_IOCTL_NOTIF_SEND, &r);
}
/* The request number had the wrong direction before Linux 5.8; later kernels take either. */
#define ID_VALID_BEFORE _IOR('!', 2, u64)
static int isWaiting(u64 notification) {
  i64 r = SYS3(ioctl, listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &notification);
  if (r == -EINVAL || r == -ENOTTY) r = SYS3(ioctl, listener, ID_VALID_BEFORE, &notification);
  return r == 0;
}

/* Prepends to what the new program's arguments must be. */
static i64 prepend(struct ask *a, const char *s) {
  u64 n = length(s) + 1;
  if (n > sizeof a->expected - a->expectedBytes) return -E2BIG;
  for (u64 k = a->expectedBytes; k-- > 0;) a->expected[k + n] = a->expected[k];
  memcpy(a->expected, s, n);
  a->expectedBytes += (u32)n;
  return 0;
}

struct interpreters { u32 count; char names[INTERPRETERS_MAX * HEAD_BYTES]; u32 bytes; };

/* Follows `#!` to what will be loaded, and works out with which arguments. 0, or the errno that execve would give. */
static i64 resolve(struct ask *a, const struct process *of, const char *name, struct interpreters *found) {
  char path[64], head[HEAD_BYTES + 1], *interpreter, *argument, script[PATH_MAX_BYTES + 64] = "";
  memcpy(a->expected, a->arguments, a->argumentBytes);
  a->expectedBytes = a->argumentBytes;
  struct text t = {script, 0, sizeof script};
  putString(&t, name);
  a->program = a->file;
  for (int level = 0;; level++) {
    struct identity i;
    i64 r = identify(a->program, "", AT_EMPTY_PATH, &i);
    if (r < 0) return r;
    if ((i.mode & 0170000) != 0100000) return -EACCES;
    fdPath(path, sizeof path, a->program);
    r = SYS3(faccessat, AT_FDCWD, path, X_OK);
    if (r < 0) return r;
    // What may be run but not read could not be looked at after its start.
    i64 n = readFileAt(path, head, HEAD_BYTES);
    if (n < 0) return n;
    head[n] = 0;
    a->loaded = i;
    int isScript = readShebang(head, n, &interpreter, &argument);
    if (isScript < 0) { a->error = -isScript; return 0; }
    if (!isScript) {
      const u8 *h = (const u8 *)head;
      // Nothing the kernel starts; but shells read such a file themselves, as a script. So it is asked about all the same.
      if (n < 20 || !same(head, "\177ELF", 4) || h[4] != 2 || (h[18] | h[19] << 8) != OWN_MACHINE) a->error = ENOEXEC;
      return 0;
    }
    if (level == INTERPRETERS_MAX) return -ELOOP;
    // The script's own name takes the place of the first argument.
    u64 first = 0;
    while (first < a->expectedBytes && a->expected[first]) first++;
    first = first < a->expectedBytes ? first + 1 : first;
    for (u64 k = first; k < a->expectedBytes; k++) a->expected[k - first] = a->expected[k];
    a->expectedBytes -= (u32)first;
    if (prepend(a, script) || (argument && prepend(a, argument)) || prepend(a, interpreter)) return -E2BIG;
    found->count += argument ? 2 : 1;
    struct text list = {found->names + found->bytes, 0, sizeof found->names - found->bytes};
    put(&list, interpreter, length(interpreter) + 1);
    if (argument) put(&list, argument, length(argument) + 1);
    found->bytes += (u32)list.used;
    t.used = 0;
    putString(&t, interpreter);
    int next = openAs(of, a->tid, AT_FDCWD, interpreter, 0);
    if (next < 0) return next;
    if (a->program != a->file) closeFd(a->program);
    a->program = next;
  }
}

/* What is said where something is refused without a question: why, and what it was. */
static void notice(u8 why, const char *name) {
  begin('N');
  addNumber(why);
  addString(name);
  finish();
}

/* Puts the question; the errno that answers it at once, or 0. */
static i64 ask(struct ask *a, const struct seccomp_notif *n) {
  static char resolved[PATH_MAX_BYTES + 64], cwd[PATH_MAX_BYTES + 64], path[96];
  char *name = a->name;
  static struct interpreters found;
  int isAt = n->data.nr == __NR_execveat;
  const u64 *v = (const u64 *)n->data.args + isAt;
  int directory = isAt ? (int)n->data.args[0] : AT_FDCWD, flags = isAt ? (int)n->data.args[4] : 0;
  struct process of;
  u32 count, watched;
  a->file = a->program = -1;
  a->error = 0;
  a->directory = directory;
  a->noFollow = (flags & AT_SYMLINK_NOFOLLOW) != 0;
  if (flags & ~(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW)) return -EINVAL;
  i64 r = readString(n->pid, v[0], name, PATH_MAX_BYTES);
  if (r < 0) return r == -E2BIG ? -ENAMETOOLONG : r;
  if (r == 0 && !(flags & AT_EMPTY_PATH)) return -ENOENT;
  if ((r = readProcess(n->pid, &of)) < 0) return r;
  a->tid = n->pid;
  a->pid = of.pid;
  a->file = a->program = openAs(&of, n->pid, directory, name, a->noFollow);
  if (a->file < 0) return a->file;
  r = readVector(n->pid, v[1], a->arguments, sizeof a->arguments, ARGUMENTS_MAX, 0, &count);
  if (r < 0) {
    if (r == -E2BIG) notice(1, name);
    return r;
  }
  a->argumentBytes = (u32)r;
  if (count == 0) return -EINVAL;
  r = readVector(n->pid, v[2], a->environment, sizeof a->environment, ENVIRONMENT_MAX, 1, &watched);
  if (r < 0) return r;
  a->environmentBytes = (u32)r;
  // As the kernel names a script that was given by a descriptor.
  const char *scriptName = name;
  static char byFd[PATH_MAX_BYTES + 64];
  if (directory != AT_FDCWD && name[0] != '/') {
    struct text t = {byFd, 0, sizeof byFd};
    putString(&t, "/dev/fd/");
    putNumber(&t, (u64)directory);
    if (name[0]) { putString(&t, "/"); putString(&t, name); }
    scriptName = byFd;
  }
  memset(&found, 0, sizeof found);
  if ((r = resolve(a, &of, scriptName, &found)) < 0) {
    if (r == -EACCES) notice(2, name);
    return r;
  }
  linkOf(fdPath(path, sizeof path, a->file), resolved, sizeof resolved);
  linkOf(procPath(path, sizeof path, n->pid, "cwd"), cwd, sizeof cwd);
  if ((r = identify(a->file, "", AT_EMPTY_PATH, &a->named)) < 0) return r;
  if (SYS3(getrandom, a->token, TOKEN_BYTES, 0) != TOKEN_BYTES) return -EAGAIN;
  u64 end = length(resolved);
  u32 facts = (asked == 0 ? INITIAL : 0) | (starts(resolved, "/memfd:") ? MEMORY : 0) |
              (end > 10 && equal(resolved + end - 10, " (deleted)") ? DELETED : 0) | (found.count ? SCRIPT : 0) |
              (a->named.mode & 06000 ? SETUID : 0) | (of.threads > 1 ? THREADS : 0) | (a->error ? PLAIN : 0);
  if (!isWaiting(n->id)) return -EINTR;
  a->notification = n->id;
  a->state = ASKED;
  asked++;
  begin('A');
  addBytes(a->token, TOKEN_BYTES);
  addNumber(of.pid);
  addNumber(of.parent);
  addNumber(facts);
  addString(name);
  addString(resolved);
  addString(cwd);
  // Where the one that started it is: whether this is what was meant where.
  linkOf(procPath(path, sizeof path, of.parent, "cwd"), cwd, sizeof cwd);
  addString(cwd);
  addText(found.names, found.bytes);
  addText(a->environment, a->environmentBytes);
  addText(a->arguments, a->argumentBytes);
  finish();
  return 0;
}

/* A process has come to wait. */
static void takeNotification(void) {
  struct seccomp_notif n;
  memset(&n, 0, sizeof n);
  if (SYS3(ioctl, listener, SECCOMP_IOCTL_NOTIF_RECV, &n) < 0) return;
  struct ask *a = freeAsk();
  if (!a) { answer(n.id, -EAGAIN); return; }
  i64 r = ask(a, &n);
  if (r == 0) return;
  release(a);
  answer(n.id, r);
}

/* Whether the name still leads to the file that was asked about, and the file is as it was. */
static int isStillNamed(struct ask *a, u32 tid) {
  struct process of;
  struct identity now;
  if (readProcess(tid, &of) < 0) return 0;
  int file = openAs(&of, tid, a->directory, a->name, a->noFollow);
  int isSame = file >= 0 && identify(file, "", AT_EMPTY_PATH, &now) >= 0 && isUnchanged(&now, &a->named);
  closeFd(file);
  return isSame;
}

/* Lets it start, traced until it has. */
static void allow(struct ask *a) {
  // It may have waited for long, and the interpreter of a script would read what stands there now.
  if (!isStillNamed(a, a->tid)) {
    answer(a->notification, -EACCES);
    tell(a, 'K', EACCES);
    release(a);
    return;
  }
  if (a->error) {
    answer(a->notification, -a->error);
    tell(a, 'F', (u32)a->error);
    release(a);
    return;
  }
  for (int k = 0; k < ASKS_MAX; k++) {
    // Two at once in one process would have this one wait for itself: exec waits for the other threads' tracer.
    if (asks[k].state != STARTING || asks[k].pid != a->pid) continue;
    answer(a->notification, -EAGAIN);
    tell(a, 'F', EAGAIN);
    release(a);
    return;
  }
  // Should the supervisor end before it has looked, so does what it lets start.
  i64 r = SYS4(ptrace, PTRACE_SEIZE, a->tid, 0, PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL);
  if (r < 0) {
    answer(a->notification, -EPERM);
    notice(3, a->arguments);
    tell(a, 'F', (u32)-r);
    release(a);
    return;
  }
  a->state = STARTING;
  answer(a->notification, 0);
  // However execve ends, the process now stops behind it.
  SYS4(ptrace, PTRACE_INTERRUPT, a->tid, 0, 0);
}

/* Compares what has started with what was asked about. */
static int isAsApproved(struct ask *a, u32 pid) {
  static char path[64], environment[256 * 1024], now[ENVIRONMENT_BYTES];
  static char arguments[sizeof a->expected];
  struct identity loaded;
  if (identify(AT_FDCWD, procPath(path, sizeof path, pid, "exe"), 0, &loaded) < 0) return 0;
  if (!isUnchanged(&loaded, &a->loaded)) return 0;
  // A script: its interpreter will look the name up again. A descriptor may be closed by now.
  if (a->program != a->file && a->name[0] && (a->directory == AT_FDCWD || a->name[0] == '/') && !isStillNamed(a, pid)) return 0;
  i64 n = readFileAt(procPath(path, sizeof path, pid, "cmdline"), arguments, sizeof arguments);
  if (n != (i64)a->expectedBytes || !same(arguments, a->expected, (u64)n)) return 0;
  n = readFileAt(procPath(path, sizeof path, pid, "environ"), environment, sizeof environment);
  // A larger one cannot be looked through.
  if (n < 0 || n == (i64)sizeof environment) return 0;
  u64 used = 0;
  for (i64 at = 0; at < n;) {
    i64 end = at;
    while (end < n && environment[end]) end++;
    u64 size = (u64)(end - at) + 1;
    if (end < n && isWatched(environment + at)) {
      if (size > sizeof now - used) return 0;
      memcpy(now + used, environment + at, size);
      used += size;
    }
    at = end + 1;
  }
  return used == a->environmentBytes && same(now, a->environment, used);
}

/* What the kernel says of a traced process. */
static void traced(u32 pid, int status) {
  struct ask *a = askOf(pid, STARTING);
  int signal = status >> 8 & 0xff, event = status >> 16;
  if ((status & 0xff) != 0x7f) {
    if (a) { tell(a, 'F', EINTR); release(a); }
    return;
  }
  if (event == PTRACE_EVENT_EXEC) {
    u64 before = 0;
    SYS4(ptrace, PTRACE_GETEVENTMSG, pid, 0, &before);
    if (!a) a = askOf((u32)before, STARTING);
    if (a && isAsApproved(a, pid)) {
      tell(a, 'E', 0);
      SYS4(ptrace, PTRACE_DETACH, pid, 0, 0);
    } else {
      SYS2(kill, pid, SIGKILL);
      if (a) tell(a, 'K', 0);
    }
    if (a) release(a);
    return;
  }
  if (event == PTRACE_EVENT_STOP) {
    // A stop of the whole group stays one after the detachment.
    SYS4(ptrace, PTRACE_DETACH, pid, 0, 0);
    if (a) { tell(a, 'F', 0); release(a); }
    return;
  }
  SYS4(ptrace, PTRACE_CONT, pid, 0, event ? 0 : signal);
}

/* Those whose process no longer waits: a signal came, or it ended. */
static void withdrawGone(void) {
  for (int k = 0; k < ASKS_MAX; k++) {
    if (asks[k].state != ASKED || isWaiting(asks[k].notification)) continue;
    tell(&asks[k], 'W', 0);
    release(&asks[k]);
  }
}

/* A verdict: a token is good for one. */
static void takeVerdict(const u8 *payload, u32 n) {
  if (n != TOKEN_BYTES + 1) { sideGone = 1; return; }
  for (int k = 0; k < ASKS_MAX; k++) {
    struct ask *a = &asks[k];
    if (a->state != ASKED || !same(a->token, payload, TOKEN_BYTES)) continue;
    if (payload[TOKEN_BYTES] == 'A') return allow(a);
    answer(a->notification, -EACCES);
    release(a);
    return;
  }
}
#endif
