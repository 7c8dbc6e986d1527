/** The door of the SFTP gate. See README.md. */
export { extensions } from './constants.ts';
export { draftOf, type FileIntent, type FileVerb, fileVerbs, spellMode } from './draft.ts';
export { sftpErrors } from './errors.ts';
export { FileGate } from './gate.ts';
export { type FileCommands, type FileGateHost, fileQuestion } from './host.ts';
export type { ContentFinding, ContentInspector, ContentStop } from './inspect.ts';
export { type PathFound, PathLocator } from './locator.ts';
export { Pace } from './pace.ts';
export { Transfer, type TransferSummary } from './transfer.ts';
