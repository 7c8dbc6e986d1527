/** The part of the table by which people work on a resource in the console: see routes.ts. */
import { z } from 'zod';
import * as limits from './limits.ts';
import { objectName } from './names.ts';
import { defineRoute, json, ndjson, none } from './route.ts';
import { byId } from './route-parts.ts';

const size = z.int().min(1).max(1000);

/** What a client of the console says and is told. Text as the target gave it, masked like everybody's. */
export const workbenchEntryShape = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('opened'),
    id: z.string().describe('What input is sent to.'),
    takes: z.enum(['statements', 'keys']),
  }),
  z.object({ type: z.literal('ready') }),
  z.object({
    type: z.literal('columns'),
    run: z.number(),
    columns: z.array(z.object({ name: z.string(), type: z.string() })),
  }),
  z.object({ type: z.literal('rows'), run: z.number(), rows: z.array(z.array(z.string().nullable())) }),
  z.object({
    type: z.literal('result'),
    run: z.number(),
    tag: z.string(),
    rows: z.number(),
    cut: z.boolean().describe('There were more rows than are shown here.'),
  }),
  z.object({
    type: z.literal('message'),
    run: z.number().nullable(),
    level: z.enum(['error', 'notice']),
    code: z.string().nullable(),
    text: z.string(),
    detail: z.string().nullable(),
    hint: z.string().nullable(),
    position: z.number().nullable(),
  }),
  z.object({
    type: z.literal('done'),
    run: z.number(),
    durationMs: z.number(),
    transaction: z.enum(['none', 'open', 'failed']),
  }),
  z.object({ type: z.literal('output'), data: z.string().describe('Bytes of a terminal, base64.') }),
  z.object({ type: z.literal('exit'), status: z.number().nullable(), signal: z.string().nullable() }),
  z.object({ type: z.literal('closed'), text: z.string() }),
]);
export type WorkbenchEntryView = z.output<typeof workbenchEntryShape>;

export const workbenchRoutes = {
  openWorkbench: defineRoute({
    method: 'POST',
    path: '/api/v1/workbench',
    summary:
      'Opens a resource in the console: a client of the gateway’s own, through the same door as any other. For web sessions. It ends with the stream.',
    permission: 'resources.use',
    body: z.strictObject({ resource: objectName, columns: size.optional(), rows: size.optional() }),
    response: ndjson(workbenchEntryShape),
  }),
  workbenchInput: defineRoute({
    method: 'POST',
    path: '/api/v1/workbench/:id/input',
    summary: 'Gives an open client a statement to run, keys, a size, or tells it to stop.',
    permission: 'resources.use',
    params: byId,
    body: z.discriminatedUnion('action', [
      z.strictObject({
        action: z.literal('run'),
        run: z.int().min(1).describe('What its results will be called.'),
        text: z.string().min(1).max(limits.workbenchTextLengthMax),
      }),
      z.strictObject({ action: z.literal('type'), data: z.base64().max(limits.workbenchKeysLengthMax) }),
      z.strictObject({ action: z.literal('resize'), columns: size, rows: size }),
      z.strictObject({ action: z.literal('cancel') }),
    ]),
    response: none,
  }),
  workbenchResources: defineRoute({
    method: 'GET',
    path: '/api/v1/workbench',
    summary: 'Says which protocols have a client in the console, and what each takes.',
    permission: 'resources.use',
    response: json(
      z.object({ protocols: z.array(z.object({ name: z.string(), takes: z.enum(['statements', 'keys']) })) }),
    ),
  }),
} as const;
