/*
 * The filter that every process of the session runs under, and cannot leave.
 *
 * - `execve`, `execveat`: wait for the supervisor.
 * - Another listener is refused: once the first one is gone, a newer filter would be asked instead of it.
 * - `ptrace`, `process_vm_writev`, `pidfd_getfd`: refused. With them one process of the session changes another between the
 *   question and the start, or takes what the supervisor holds.
 * - `io_uring_setup`: as if the kernel had none. What is submitted there is seen by no filter.
 * - Another system call table (i386, x32, arm): the process ends. Its calls have other numbers.
 */
#ifndef FILTER_H
#define FILTER_H
#include "sys.h"

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, __builtin_offsetof(struct seccomp_data, field))
#define ANSWER(value) BPF_STMT(BPF_RET | BPF_K, value)
#define IF_CALL(name, value) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_##name, 0, 1), ANSWER(value)
#define REFUSE(errno) (SECCOMP_RET_ERRNO | (errno))

/* The low half of the second argument of seccomp(2). */
#define SECOND_ARGUMENT BPF_STMT(BPF_LD | BPF_W | BPF_ABS, __builtin_offsetof(struct seccomp_data, args) + 8)

static struct sock_filter rules[] = {
  LOAD(arch),
  BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OWN_ARCH, 1, 0),
  ANSWER(SECCOMP_RET_KILL_PROCESS),
  LOAD(nr),
#if defined(__x86_64__)
  BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1),
  ANSWER(SECCOMP_RET_KILL_PROCESS),
  IF_CALL(uselib, REFUSE(ENOSYS)),
#endif
  IF_CALL(execve, SECCOMP_RET_USER_NOTIF),
  IF_CALL(execveat, SECCOMP_RET_USER_NOTIF),
  IF_CALL(ptrace, REFUSE(EPERM)),
  IF_CALL(process_vm_writev, REFUSE(EPERM)),
  IF_CALL(pidfd_getfd, REFUSE(EPERM)),
  IF_CALL(io_uring_setup, REFUSE(ENOSYS)),
  BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_seccomp, 1, 0),
  ANSWER(SECCOMP_RET_ALLOW),
  SECOND_ARGUMENT,
  BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, SECCOMP_FILTER_FLAG_NEW_LISTENER, 0, 1),
  ANSWER(REFUSE(EBUSY)),
  ANSWER(SECCOMP_RET_ALLOW),
};

/* Installs it on the caller: the listener, or an errno. `bound`: whether privileges had to be given up for it. */
static int installFilter(u8 *bound) {
  struct { u16 count; struct sock_filter *rules; } program = {sizeof rules / sizeof *rules, rules};
  *bound = 0;
  i64 listener = SYS3(seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
  if (listener == -EACCES) {
    *bound = 1;
    SYS(prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0);
    listener = SYS3(seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
  }
  return (int)listener;
}
#endif
