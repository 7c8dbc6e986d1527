/*
 * Asks the gateway before any program of a session starts.
 *
 *     s side DIR   on the gateway's side channel: waits in DIR for the other one, hands it the channel, removes DIR
 *     s run DIR    on the program's channel: takes the side channel, starts the program it is told under the filter
 *     s probe      says `ok` where this machine can do that
 *
 * Invariants:
 * - Nothing starts that the gateway did not allow by a token of its own; what starts is compared with what it allowed.
 * - Without the side channel nothing starts, and everything that runs under the supervisor is ended.
 * - The supervisor cannot be traced or looked into by the account it serves; when it ends, what it judged can start nothing.
 * - Nothing stays: neither files nor processes.
 *
 * Deliberately absent: what is allowed (the gateway), what programs do without starting another, other system calls.
 */
#include "asks.h"
#include "filter.h"
#include "frames.h"
#include "target.h"

static u32 child = 0;
static int isTerminal = 0;

static u64 maskOf(const u8 *signals) {
  u64 mask = 0;
  while (*signals) mask |= 1UL << (*signals++ - 1);
  return mask;
}
static const u8 ownSignals[] = {SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGPIPE, SIGTERM, SIGCHLD, SIGTSTP, SIGTTIN, SIGTTOU, 0};
static const u8 passedOn[] = {SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGTERM, 0};
/* 0: what the kernel does by itself; 1: nothing. */
static void setAction(u32 signal, u64 handler) {
  struct { u64 handler, flags, restorer, mask; } action = {handler, 0, 0, 0};
  SYS4(rt_sigaction, signal, &action, 0, 8);
}
static void setMask(u64 mask) { SYS4(rt_sigprocmask, 2, &mask, 0, 8); }

struct address { u16 family; char path[108]; };
static u32 socketAt(struct address *to, const char *directory) {
  memset(to, 0, sizeof *to);
  to->family = AF_UNIX;
  struct text t = {to->path, 0, sizeof to->path};
  putString(&t, directory);
  putString(&t, "/k");
  return t.size == 0 ? 0 : (u32)(2 + t.used + 1);
}
static void removeIn(const char *directory, const char *name) {
  char path[256];
  struct text t = {path, 0, sizeof path};
  putString(&t, directory);
  putString(&t, name);
  if (t.size) SYS3(unlinkat, AT_FDCWD, path, 0);
}
static void removeAll(const char *directory) {
  removeIn(directory, "/k");
  removeIn(directory, "/s");
  SYS3(unlinkat, AT_FDCWD, directory, AT_REMOVEDIR);
}

/* ------------------------------------------------------------------ the side channel's end */

static int side(const char *directory) {
  struct address own;
  u32 size = socketAt(&own, directory);
  SYS(prctl, PR_SET_DUMPABLE, 0, 0, 0, 0, 0);
  setMask(maskOf(ownSignals));
  int waiting = (int)SYS3(socket, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (size == 0 || waiting < 0 || SYS3(bind, waiting, &own, size) < 0 || SYS2(listen, waiting, 1) < 0) {
    removeAll(directory);
    return 9;
  }
  sideOut = 1;
  begin('H');
  addNumber(1);
  finish();
  struct pollfd p[2] = {{waiting, POLLIN, 0}, {0, POLLIN, 0}};
  i64 ready = sideGone ? 0 : waitMs(p, 2, 60000);
  int peer = ready > 0 && p[1].revents == 0 ? (int)SYS4(accept4, waiting, 0, 0, SOCK_CLOEXEC) : -1;
  closeFd(waiting);
  removeAll(directory);
  if (peer < 0) return 9;
  struct { u32 pid, uid, gid; } who = {0, ~0U, 0};
  u32 whoSize = sizeof who;
  SYS(getsockopt, peer, SOL_SOCKET, SO_PEERCRED, &who, &whoSize, 0);
  if (who.uid != (u32)SYS1(getuid, 0) || sendFds(peer, 0, 1) < 0) return 9;
  // From here on the channel is the other one's; this process only keeps it open.
  closeFd(0);
  closeFd(1);
  struct pollfd gone = {peer, POLLIN, 0};
  while (waitMs(&gone, 1, -1) < 0);
  return 0;
}

/* ------------------------------------------------------------------ the program */

/* In the child: the filter, then the program. Does not return. */
static void begun(int socket, char **environment, const char *shell, const char *command, u32 supervisor) {
  u8 go = 0, bound;
  if (isTerminal) {
    SYS1(setsid, 0);
    SYS3(ioctl, 0, TIOCSCTTY, 0);
  }
  // Only the supervisor is closed to looks; what it watches is not.
  SYS(prctl, PR_SET_DUMPABLE, 1, 0, 0, 0, 0);
  SYS(prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0, 0);
  if ((u32)SYS1(getppid, 0) != supervisor) quit(137);
  setMask(0);
  int fd = installFilter(&bound);
  if (fd < 0 || sendFds(socket, fd, -1) < 0) quit(126);
  closeFd(fd);
  SYS3(write, socket, &bound, 1);
  if (SYS3(read, socket, &go, 1) != 1) quit(126);
  closeFd(socket);
  const char *name = shell;
  for (const char *s = shell; *s; s++) if (*s == '/') name = s + 1;
  char login[256] = "-";
  struct text t = {login, 1, sizeof login};
  putString(&t, name);
  const char *arguments[4] = {command ? name : login, command ? "-c" : 0, command, 0};
  SYS3(execve, shell, arguments, environment);
  quit(126);
}

static const char *variable(char **environment, const char *name) {
  for (; *environment; environment++) if (starts(*environment, name)) return *environment + length(name);
  return 0;
}

static void passOn(u32 signal) {
  const u8 *s = passedOn;
  while (*s && *s != signal) s++;
  // Without a terminal the program is in the supervisor's own group, and whoever signals that has reached it.
  if (*s && isTerminal && child) SYS2(kill, -(i64)child, signal);
}

/* ------------------------------------------------------------------ the end */

struct entry { u64 inode, offset; u16 size; u8 type; char name[]; };

/* Signals every process whose parent is the supervisor; what they leave behind becomes its child in turn. */
static void signalChildren(u32 signal) {
  static char buffer[32768];
  u32 own = (u32)SYS1(getpid, 0);
  int proc = openFile("/proc", O_RDONLY | O_DIRECTORY);
  i64 n;
  while ((n = SYS3(getdents64, proc, buffer, sizeof buffer)) > 0) {
    for (i64 at = 0; at < n; at += ((struct entry *)(buffer + at))->size) {
      const char *name = ((struct entry *)(buffer + at))->name;
      u32 pid = 0;
      for (; *name >= '0' && *name <= '9'; name++) pid = pid * 10 + (u32)(*name - '0');
      struct process p;
      if (*name || pid == 0 || readProcess(pid, &p) < 0 || p.parent != own) continue;
      SYS2(kill, pid, signal);
      if (signal != SIGKILL) SYS2(kill, pid, SIGCONT);
    }
  }
  closeFd(proc);
}
/* Ends all that is left under the supervisor: half a second to go by itself, then it is killed. */
static void endAll(void) {
  struct timespec64 pause = {0, 10 * 1000000};
  closeFd(listener);
  for (int turn = 0; turn < 500; turn++) {
    i64 pid;
    int status;
    while ((pid = SYS4(wait4, -1, &status, WNOHANG | WALL, 0)) > 0) {
      if ((status & 0xff) == 0x7f) SYS2(kill, pid, SIGKILL);
    }
    if (pid == -ECHILD) return;
    if (turn == 0 && !sideGone) signalChildren(SIGHUP);
    else if (turn >= 50 || sideGone) signalChildren(SIGKILL);
    SYS2(nanosleep, &pause, 0);
  }
}

/* Ends as the program did. */
static void endAs(int status) {
  int signal = status & 0x7f;
  if (signal == 0) quit(status >> 8 & 0xff);
  setAction((u32)signal, 0);
  setMask(0);
  SYS2(kill, SYS1(getpid, 0), signal);
  quit(128 + signal);
}

/* ------------------------------------------------------------------ between */

/* Whether the program is over, and how. */
static int reap(int *status) {
  i64 pid;
  int s, isOver = 0;
  while ((pid = SYS4(wait4, -1, &s, WNOHANG | WALL, 0)) > 0) {
    traced((u32)pid, s);
    if ((u32)pid == child && (s & 0xff) != 0x7f) {
      isOver = 1;
      *status = s;
    }
  }
  return isOver;
}

static int watch(int signals) {
  int status = 0;
  for (;;) {
    struct pollfd p[3] = {{sideIn, POLLIN, 0}, {signals, POLLIN, 0}, {freeAsk() ? listener : -1, POLLIN, 0}};
    waitMs(p, 3, isAnyAsked() ? 100 : -1);
    if (p[1].revents & POLLIN) {
      u32 info[32];
      if (SYS3(read, signals, info, sizeof info) == sizeof info) passOn(info[0]);
    }
    if (reap(&status)) return status;
    if (p[0].revents) receive();
    for (u32 n; (n = frontFrame()) > 0 && !sideGone; dropFrame(n)) {
      if (incoming[4] == 'V') takeVerdict(incoming + 5, n - 1);
      else sideGone = 1;
    }
    if (p[2].revents & POLLIN) takeNotification();
    else if (p[2].revents) listener = -1;
    withdrawGone();
    if (sideGone) return 255 << 8;
  }
}

static int run(const char *directory, char **environment) {
  struct address to;
  u32 size = socketAt(&to, directory), supervisor = (u32)SYS1(getpid, 0);
  int door = (int)SYS3(socket, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), pair[2];
  if (size == 0 || SYS3(connect, door, &to, size) < 0 || receiveFds(door, &sideIn, &sideOut) < 0) return 126;
  setMask(maskOf(ownSignals));
  SYS(prctl, PR_SET_DUMPABLE, 0, 0, 0, 0, 0);
  begin('R');
  addNumber((u32)SYS1(getuid, 0));
  finish();
  u32 n = 0;
  while (!sideGone && (n = frontFrame()) == 0) receive();
  if (sideGone || incoming[4] != 'S' || n < 2) return 126;
  // The frame stays where it is until the child has its copy of this memory; a NUL ends the command.
  if (incomingUsed == sizeof incoming) return 126;
  incoming[4 + n] = 0;
  u8 isLogin = incoming[5] == 1;
  const char *shell = variable(environment, "SHELL=");
  isTerminal = SYS3(ioctl, 0, TCGETS, outgoing) >= 0;
  SYS(prctl, PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0, 0);
  // The kernel hangs up on whoever leaves a terminal: ignoring the signal once forgets it.
  if (isTerminal && SYS3(ioctl, 0, TIOCNOTTY, 0) < 0) isTerminal = 0;
  setAction(SIGHUP, 1);
  setAction(SIGHUP, 0);
  if (SYS4(socketpair, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) return 126;
  i64 pid = SYS(clone, SIGCHLD, 0, 0, 0, 0, 0);
  if (pid < 0) return 126;
  if (pid == 0) {
    closeFd(door);
    closeFd(sideIn);
    closeFd(sideOut);
    closeFd(pair[0]);
    begun(pair[1], environment, shell && *shell ? shell : "/bin/sh", isLogin ? 0 : (const char *)incoming + 6, supervisor);
  }
  child = (u32)pid;
  dropFrame(n);
  closeFd(pair[1]);
  u8 bound = 0;
  if (receiveFds(pair[0], &listener, 0) < 0 || SYS3(read, pair[0], &bound, 1) != 1) {
    endAll();
    return 126;
  }
  // The program's own; and nothing that is opened later gets their numbers.
  for (int fd = 0; fd < 3; fd++) closeFd(fd);
  for (int fd = 0; fd < 3; fd++) SYS4(openat, AT_FDCWD, "/dev/null", O_RDWR, 0);
  u64 mask = maskOf(ownSignals);
  int signals = (int)SYS4(signalfd4, -1, &mask, 8, O_CLOEXEC | 04000);
  begin('B');
  addNumber(bound);
  finish();
  SYS3(write, pair[0], &bound, 1);
  closeFd(pair[0]);
  int status = watch(signals);
  endAll();
  endAs(status);
  return 0;
}

/* Whether notifications, their continuation and the looks into processes are there. */
static int probe(void) {
  struct seccomp_notif_sizes sizes;
  memset(&sizes, 0, sizeof sizes);
  if (SYS3(seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) < 0) return 1;
  if (sizes.seccomp_notif != sizeof(struct seccomp_notif) || sizes.seccomp_notif_resp != sizeof(struct seccomp_notif_resp)) return 1;
  struct process own;
  struct identity exe;
  if (readProcess((u32)SYS1(getpid, 0), &own) < 0 || identify(AT_FDCWD, "/proc/self/exe", 0, &exe) < 0) return 1;
  SYS3(write, 1, "ok\n", 3);
  return 0;
}

__attribute__((used)) void start(u64 *stack) {
  int count = (int)stack[0];
  char **arguments = (char **)(stack + 1), **environment = arguments + count + 1;
  if (count == 2 && equal(arguments[1], "probe")) quit(probe());
  if (count == 3 && equal(arguments[1], "side")) quit(side(arguments[2]));
  if (count == 3 && equal(arguments[1], "run")) quit(run(arguments[2], environment));
  quit(2);
}
