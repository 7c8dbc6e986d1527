/**
 * Exit codes: a closed table that scripts may rely on. `sallyport help exit-codes` and the README are made of it.
 */

export const exitCodes = {
  ok: 0,
  no: 1,
  usage: 2,
  denied: 3,
  unreachable: 4,
  server: 5,
  interrupted: 130,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** What each code means, in the order of the table above. */
export const exitCodeMeanings: readonly (readonly [code: ExitCode, meaning: string])[] = [
  [exitCodes.ok, 'It worked, and the answer is yes.'],
  [
    exitCodes.no,
    'It worked, and the answer is no: problems found, nothing by that name, access or approval not given, a command that would wait or be refused.',
  ],
  [exitCodes.usage, 'It cannot be run as asked: unknown option, unreadable file, invalid manifest, missing program.'],
  [exitCodes.denied, 'Not logged in, or not allowed.'],
  [exitCodes.unreachable, 'The gateway could not be reached, or its certificate is not trusted.'],
  [exitCodes.server, 'The gateway answered with an error of its own.'],
  [exitCodes.interrupted, 'Interrupted (Ctrl-C).'],
];
