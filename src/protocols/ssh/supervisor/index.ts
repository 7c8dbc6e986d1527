/** What the rest of the SSH room uses of the kernel level's supervisor. */
export type { StartRequest } from './codec.ts';
export { Supervisor, type SupervisorAction } from './driver.ts';
export { ownStartsMax, supervisedHelloMs } from './limits.ts';
export { isNamedBy, meaningOfStart } from './meaning.ts';
