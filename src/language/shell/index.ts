/** What others may import: the analysis of shell texts. Its result types are in `core/shell.ts`. */
export { analyseShell } from './analyse.ts';
export { isPlainShell, mayHideShell } from './interactive.ts';
export { shellTextBytesMax } from './limits.ts';
export { readsPassword, withoutFirstLine } from './passwords.ts';
export type { ShellContext } from './scope.ts';
export { analyseScripted, judgedScript, type StdinScript } from './stdin-script.ts';
