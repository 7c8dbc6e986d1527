/** The limits of the kernel level: each with its unit and its reason. */

/** Longest frame that the supervisor sends, in bytes: arguments and names of one start, which it bounds itself. */
export const frameBytesMax = 320 * 1024;

/** Noise that start-up files may print before the greeting, in bytes. */
export const noiseBytesMax = 64 * 1024;

/** Milliseconds for each step of placing it: a directory, fifteen kilobytes, three short programs on a loaded machine. */
export const stepMs = 10_000;

/** Starts that wait for an answer at once: what the supervisor keeps. */
export const asksMax = 64;

/** Programs that the start of a shell may go through before it is one (`env`, the shell itself). */
export const ownStartsMax = 4;

/** Milliseconds until the hooks of a shell under the supervisor say hello: each program before them is asked about. */
export const supervisedHelloMs = 10_000;
