/** The door of the scp gate. See README.md. */
export { readScpCommand, type ScpCommand } from './command.ts';
export { ScpGate, type ScpGateHost } from './gate.ts';
export { type Locate, type Located, notLocated } from './paths.ts';
