/** What the fake gateway says of detections. */
import type { DetectionListing, DetectionReplayEntry } from '../../api/contract/index.ts';

export const detectionListing: DetectionListing = {
  detections: [
    {
      name: 'bulk-downloads',
      description: 'More rows than anybody needs',
      severity: 'high',
      mode: 'on',
      detector: 'unusual-volume',
      events: null,
      responses: ['end', 'lock'],
      problem: null,
    },
    {
      name: 'drops',
      description: null,
      severity: 'medium',
      mode: 'dry-run',
      detector: null,
      events: ['command.intent'],
      responses: [],
      problem: null,
    },
    {
      name: 'old',
      description: null,
      severity: 'low',
      mode: 'on',
      detector: 'gone',
      events: null,
      responses: [],
      problem: 'there is no built-in detector of this name',
    },
  ],
  builtIn: [
    {
      name: 'unusual-volume',
      title: 'More rows or bytes than usual',
      explanation: 'Compares what a principal takes away with its own past, and with that of its peers.',
      techniques: ['T1530'],
      tuning: [
        { name: 'factor', meaning: 'So many times what is usual.', default: 10, min: 1, max: 1000 },
        { name: 'ignore', meaning: 'Tables that do not count.', default: [], min: null, max: null },
      ],
      detections: ['bulk-downloads'],
    },
    {
      name: 'denial-burst',
      title: 'Many denials in a short time',
      explanation: 'Counts.',
      techniques: [],
      tuning: [],
      detections: [],
    },
  ],
  fields: [
    { name: 'principal', type: 'text', meaning: 'Name of whoever did it.', events: null },
    { name: 'rows', type: 'number', meaning: 'Rows that came back.', events: ['command.ended'] },
  ],
};

const found = {
  type: 'alert',
  at: '2026-11-20T03:12:09.250Z',
  id: 'al_01',
  detection: 'bulk-downloads',
  severity: 'high',
  principal: 'ana',
  resource: 'orders',
  session: 'ses_01k9a',
  command: 7,
  summary: 'ana took 48,211 rows within 1h, where 300 is usual',
  suppressed: null,
} as const satisfies DetectionReplayEntry;

export const detectionReplay: readonly DetectionReplayEntry[] = [
  { type: 'progress', events: 20_000, of: 41_000, at: found.at },
  found,
  { ...found, id: 'al_02', at: '2026-11-20T05:12:09.250Z', principal: 'ben', suppressed: 'ben migrates' },
  { ...found, id: 'al_03', detection: 'drops', severity: 'medium', principal: null, session: null, command: null },
  {
    type: 'summary',
    since: '2026-10-22T12:00:00.000Z',
    until: '2026-11-21T12:00:00.000Z',
    events: 40_123,
    alerts: 2,
    suppressed: 1,
    withoutFacts: 12,
    failed: ['old'],
    warmedUpFrom: '2026-09-22T12:00:00.000Z',
    truncated: false,
  },
];
