/** What every command takes, and the families that two-word commands belong to. */
import type { CommandGroup, OptionSpec } from './command.ts';

export const globalOptions: readonly OptionSpec[] = [
  {
    flags: '-o, --output <format>',
    description: 'table for people, json or yaml for scripts.',
    choices: ['table', 'json', 'yaml'],
  },
  { flags: '--server <url>', description: 'The gateway (or SALLYPORT_SERVER).' },
  { flags: '--profile <name>', description: 'The stored login to use (or SALLYPORT_PROFILE).', complete: 'profile' },
  { flags: '--ca <file>', description: "PEM file of the gateway's authority (or SALLYPORT_CA).", complete: 'file' },
  { flags: '--token <token>', description: 'An access token (better: SALLYPORT_TOKEN, which no other user can see).' },
  { flags: '--no-color', description: 'No colours (or NO_COLOR).' },
  { flags: '-q, --quiet', description: 'No notes and no progress on standard error.' },
];

export const families: Readonly<Record<string, { readonly group: CommandGroup; readonly summary: string }>> = {
  sessions: { group: 'Look', summary: 'List, show, replay, watch, speak to, end and export sessions.' },
  alerts: { group: 'Look', summary: 'List, show and handle what detections and rules raised.' },
  responses: { group: 'Look', summary: 'List and end what detections did by themselves.' },
  reviews: { group: 'Review', summary: 'List, show, watch, approve and deny what waits for a decision.' },
  grants: { group: 'Review', summary: 'List and revoke access for a while.' },
  access: { group: 'Look', summary: 'Say who may open what, and by what; export it.' },
  search: { group: 'Look', summary: 'Search what happened.' },
  searches: { group: 'Look', summary: 'List and run saved searches.' },
  index: { group: 'Look', summary: 'Show and rebuild the index that searches ask.' },
  report: { group: 'Prove', summary: 'Make the reports that an auditor asks for.' },
  lock: { group: 'Configure', summary: 'Shut out a principal, resource, session, token or agent at once.' },
  policy: { group: 'Configure', summary: 'Try a change of the rules: on examples, and on what was recorded.' },
  detection: { group: 'Configure', summary: 'List, explain, test and replay what raises the alarm.' },
  factors: { group: 'Connect', summary: 'List, add, remove and reset second factors.' },
  token: { group: 'Connect', summary: 'List, create and revoke access tokens.' },
  sinks: { group: 'Configure', summary: 'Show and test where events are handed on to, and handle what was refused.' },
  retention: { group: 'Look', summary: 'Show what is kept, and delete what is due.' },
  witness: { group: 'Look', summary: 'Checkpoints of other journals that were brought here.' },
  secret: { group: 'Configure', summary: 'List, set, remove and reseal stored secrets.' },
};
