/*
 * What a process that waits in execve asked for: read from its memory, resolved in its file system.
 *
 * Nothing here is trusted to stay: memory and names can change until the kernel reads them again. What is found is what is
 * asked about, and after the start `isAsApproved` compares it with what did start.
 */
#ifndef TARGET_H
#define TARGET_H
#include "sys.h"

#define PATH_MAX_BYTES 4096
#define ARGUMENT_BYTES (160 * 1024) /* what xargs builds at most is 128 KiB */
#define ARGUMENTS_MAX 32768
#define ENVIRONMENT_BYTES (8 * 1024)
#define ENVIRONMENT_MAX 8192
#define HEAD_BYTES 256 /* BINPRM_BUF_SIZE */
#define INTERPRETERS_MAX 4

struct process { u32 pid, parent, threads; };

static i64 readMemory(u32 tid, u64 at, void *to, u64 n) {
  struct iovec64 own = {(u64)to, n}, theirs = {at, n};
  return SYS(process_vm_readv, tid, &own, 1, &theirs, 1, 0);
}
/* A string with its NUL: its length, or an errno. */
static i64 readString(u32 tid, u64 at, char *to, u64 size) {
  u64 used = 0;
  while (used < size) {
    // Never past a page: the next one may not be there.
    u64 n = 4096 - (at & 4095);
    if (n > 512) n = 512;
    if (n > size - used) n = size - used;
    i64 got = readMemory(tid, at, to + used, n);
    if (got <= 0) return got == -EPERM ? -EPERM : -EFAULT;
    for (i64 k = 0; k < got; k++) if (to[used + (u64)k] == 0) return (i64)used + k;
    used += (u64)got;
    at += (u64)got;
  }
  return -E2BIG;
}

static int isWatched(const char *variable) {
  static const char *const names[] = {
    "LD_", "BASH_ENV=", "BASH_FUNC_", "PYTHONSTARTUP=", "PYTHONPATH=", "PYTHONHOME=", "PERL5", "RUBYOPT=", "RUBYLIB=",
    "NODE_OPTIONS=", "NODE_PATH=", "JAVA_TOOL_OPTIONS=", "JDK_JAVA_OPTIONS=", "_JAVA_OPTIONS=", "GCONV_PATH=", "PERLLIB=",
    "PYTHONUSERBASE=", "LUA_INIT", "LUA_PATH", "LUA_CPATH", "OPENSSL_CONF=", "OPENSSL_MODULES=", "OPENSSL_ENGINES=",
    "PHPRC=", "PHP_INI_SCAN_DIR=",
  };
  for (u64 k = 0; k < sizeof names / sizeof *names; k++) if (starts(variable, names[k])) return 1;
  return 0;
}

/* A vector of strings, one behind the other with their NULs. `watched`: only variables that run code in any program. */
static i64 readVector(u32 tid, u64 at, char *to, u64 size, u32 max, int watched, u32 *count) {
  u64 used = 0, pointers[64];
  u32 seen = 0;
  *count = 0;
  if (at == 0) return 0;
  for (;;) {
    u64 n = (4096 - (at & 4095)) / 8;
    if (n > 64) n = 64;
    if (n == 0) n = 1;
    i64 got = readMemory(tid, at, pointers, n * 8);
    if (got < 8) return got == -EPERM ? -EPERM : -EFAULT;
    for (i64 k = 0; k < got / 8; k++) {
      if (pointers[k] == 0) return (i64)used;
      if (++seen > max) return -E2BIG;
      char name[32];
      if (watched) {
        // Only the name's beginning is needed to leave most of them out.
        i64 r = readString(tid, pointers[k], name, sizeof name - 1);
        if (r < 0 && r != -E2BIG) return r;
        name[sizeof name - 1] = 0;
        if (!isWatched(name)) continue;
      }
      i64 r = readString(tid, pointers[k], to + used, size - used);
      if (r < 0) return r;
      if (watched && !isWatched(to + used)) continue;
      used += (u64)r + 1;
      (*count)++;
    }
    at += (u64)got / 8 * 8;
  }
}

static u32 numberAfter(const char *in, const char *name) {
  for (; *in; in++) {
    if (!starts(in, name)) continue;
    u32 n = 0;
    for (in += length(name); *in == ' ' || *in == '\t'; in++);
    for (; *in >= '0' && *in <= '9'; in++) n = n * 10 + (u32)(*in - '0');
    return n;
  }
  return 0;
}
static i64 readProcess(u32 tid, struct process *to) {
  char path[64], status[2048];
  i64 n = readFileAt(procPath(path, sizeof path, tid, "status"), status, sizeof status - 1);
  if (n <= 0) return -ESRCH;
  status[n] = 0;
  to->pid = numberAfter(status, "\nTgid:");
  to->parent = numberAfter(status, "\nPPid:");
  to->threads = numberAfter(status, "\nThreads:");
  return to->pid == 0 ? -ESRCH : 0;
}

/* A name that means another file to whoever reads it: as the process itself would read it. */
static const char *ownName(const struct process *of, u32 tid, const char *path, char *to, u64 size) {
  static const struct { const char *prefix; int kind; } names[] = {
    {"/proc/self/", 0}, {"/proc/thread-self/", 1}, {"/dev/fd/", 2}};
  for (u64 k = 0; k < 3; k++) {
    if (!starts(path, names[k].prefix)) continue;
    struct text t = {to, 0, size};
    putString(&t, "/proc/");
    putNumber(&t, of->pid);
    if (names[k].kind == 1) { putString(&t, "/task/"); putNumber(&t, tid); }
    putString(&t, names[k].kind == 2 ? "/fd/" : "/");
    putString(&t, path + length(names[k].prefix));
    return t.size == 0 ? path : to;
  }
  return path;
}

/* Opens a name as the process would: a descriptor that pins the file, or an errno. */
static int openAs(const struct process *of, u32 tid, int directory, const char *path, int noFollow) {
  char at[64], own[PATH_MAX_BYTES + 64];
  int flags = O_PATH | O_CLOEXEC | (noFollow ? O_NOFOLLOW : 0);
  path = ownName(of, tid, path, own, sizeof own);
  if (path[0] == '/') {
    struct identity theirs, ours;
    procPath(at, sizeof at, tid, "root");
    i64 r = identify(AT_FDCWD, at, 0, &theirs);
    if (r < 0) return (int)r;
    r = identify(AT_FDCWD, "/", 0, &ours);
    if (r < 0 || sameFile(&ours, &theirs)) return (int)SYS4(openat, AT_FDCWD, path, flags, 0);
    int root = openFile(at, O_PATH | O_DIRECTORY);
    if (root < 0) return root;
    struct open_how how = {(u64)flags, 0, RESOLVE_IN_ROOT};
    int fd = (int)SYS4(openat2, root, path, &how, sizeof how);
    closeFd(root);
    return fd;
  }
  struct text t = {at, 0, sizeof at};
  putString(&t, "/proc/");
  putNumber(&t, tid);
  if (directory == AT_FDCWD) putString(&t, "/cwd");
  else if (directory < 0) return -EBADF;
  else { putString(&t, "/fd/"); putNumber(&t, (u64)directory); }
  // An empty name is the descriptor itself; whether that is allowed was looked at before.
  if (path[0] == 0) return openFile(at, O_PATH);
  int base = openFile(at, O_PATH | O_DIRECTORY);
  if (base < 0) return base;
  int fd = (int)SYS4(openat, base, path, flags, 0);
  closeFd(base);
  return fd;
}

static i64 linkOf(const char *path, char *to, u64 size) {
  i64 n = SYS4(readlinkat, AT_FDCWD, path, to, size - 1);
  to[n < 0 ? 0 : n] = 0;
  return n;
}

/* The first line of a script: the interpreter, and at most one argument. 1: a script; 0: none; else an errno. */
static int readShebang(char *head, i64 n, char **interpreter, char **argument) {
  *argument = 0;
  if (n < 3 || head[0] != '#' || head[1] != '!') return 0;
  i64 end = 2;
  while (end < n && head[end] != '\n' && head[end] != 0) end++;
  // The kernel cuts a longer line, and takes it if the interpreter's name is whole.
  if (end == HEAD_BYTES) end--;
  while (end > 2 && (head[end - 1] == ' ' || head[end - 1] == '\t')) end--;
  i64 at = 2;
  while (at < end && (head[at] == ' ' || head[at] == '\t')) at++;
  if (at == end) return -ENOEXEC;
  head[end] = 0;
  *interpreter = head + at;
  while (at < end && head[at] != ' ' && head[at] != '\t') at++;
  if (at == end) return 1;
  head[at++] = 0;
  while (at < end && (head[at] == ' ' || head[at] == '\t')) at++;
  if (at < end) *argument = head + at;
  return 1;
}
#endif
