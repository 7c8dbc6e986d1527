/** What others may import of interactive terminals. */
export { LineAnalyses, lineDraft, observedDraft, quoted } from './drafts.ts';
export { terminalError } from './errors.ts';
export { Gate } from './gate.ts';
export { GatedLines, type GatedLinesParts, type LineOwner } from './gated-lines.ts';
export { type HookNames, makeHookNames } from './hooks/names.ts';
export { RedactedInput } from './input.ts';
export { inputEntry } from './input-entry.ts';
export { type Key, KeySplitter } from './keys.ts';
export { type LineAction, LineEditor, type LineEditorOptions } from './line-editor.ts';
export { Observer, type ObserverAction, type ObserverOptions } from './observer.ts';
export type { GateOptions } from './options.ts';
export { reductionOf } from './reduction.ts';
export type {
  AskLevel,
  FreezeReason,
  GateAction,
  GateAsk,
  GateDecision,
  GatePhase,
  HookedShell,
  InputRecord,
  Reduce,
  Reduction,
  SelfDenial,
  ShellFacts,
  UnhookedChoice,
  UnhookedReason,
} from './types.ts';
export { type Anchor, clampSize, TerminalView } from './view.ts';
