/*
 * The side channel: frames out on one descriptor, in on another. Little-endian; see README.md for the table.
 *
 * Invariant: what cannot be written, or is not understood, ends the supervisor and with it everything under it.
 */
#ifndef FRAMES_H
#define FRAMES_H
#include "sys.h"

#define FRAME_IN_BYTES (192 * 1024) /* the longest exec command is 128 KiB */

static int sideIn = -1, sideOut = -1;
static int sideGone = 0;
static u8 incoming[FRAME_IN_BYTES];
static u64 incomingUsed = 0;

static void sendBytes(const void *bytes, u64 n) {
  const u8 *at = bytes;
  while (n > 0 && !sideGone) {
    i64 wrote = SYS3(write, sideOut, at, n);
    if (wrote == -EINTR) continue;
    if (wrote == -EAGAIN) {
      struct pollfd p = {sideOut, 4, 0};
      waitMs(&p, 1, 1000);
      continue;
    }
    if (wrote <= 0) { sideGone = 1; return; }
    at += wrote;
    n -= (u64)wrote;
  }
}

/* A frame is put together here, and leaves in one write where the channel takes it. */
static u8 outgoing[320 * 1024];
static u64 outgoingUsed;
static void begin(u8 type) {
  outgoing[4] = type;
  outgoingUsed = 5;
}
static void addBytes(const void *bytes, u64 n) {
  if (n > sizeof outgoing - outgoingUsed) { sideGone = 1; return; }
  memcpy(outgoing + outgoingUsed, bytes, n);
  outgoingUsed += n;
}
static void addNumber(u32 n) {
  addBytes(&n, 4);
}
static void addText(const void *bytes, u64 n) {
  addNumber((u32)n);
  addBytes(bytes, n);
}
static void addString(const char *s) { addText(s, length(s)); }
static void finish(void) {
  u32 n = (u32)(outgoingUsed - 4);
  memcpy(outgoing, &n, 4);
  sendBytes(outgoing, outgoingUsed);
}

/* Reads what is there. Then `nextFrame` until it says no. */
static void receive(void) {
  if (incomingUsed == sizeof incoming) { sideGone = 1; return; }
  i64 n = SYS3(read, sideIn, incoming + incomingUsed, sizeof incoming - incomingUsed);
  if (n == -EINTR || n == -EAGAIN) return;
  if (n <= 0) sideGone = 1;
  else incomingUsed += (u64)n;
}
/* The size of the frame at the front (type and payload, from `incoming + 4`), or 0 where it is not whole. */
static u32 frontFrame(void) {
  u32 n;
  if (incomingUsed < 4) return 0;
  memcpy(&n, incoming, 4);
  if (n == 0 || n > sizeof incoming - 4) { sideGone = 1; return 0; }
  return incomingUsed - 4 >= n ? n : 0;
}
static void dropFrame(u32 n) {
  u64 used = (u64)n + 4;
  incomingUsed -= used;
  for (u64 k = 0; k < incomingUsed; k++) incoming[k] = incoming[k + used];
}
#endif
