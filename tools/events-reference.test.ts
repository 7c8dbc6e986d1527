/** The page is what the tables say, and the tables say all that documents have. */
import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { everyEvent, everyKind } from '../src/audit/sinks/fixtures/events.ts';
import { documentOf } from '../src/audit/sinks/formats/document.ts';
import { documentFields } from '../src/audit/sinks/formats/document-fields.ts';
import { eventTable } from '../src/audit/sinks/formats/event-table.ts';
import { Activities } from '../src/core/activity.ts';
import { eventTypes } from '../src/core/event-types.ts';
import { output, render } from './events-reference.ts';

it('docs/reference/events.md is what would be written', async () => {
  expect(await readFile(output, 'utf8'), 'run: node tools/events-reference.ts').toBe(render());
});

it('documents every type of event, and every field of every document', async () => {
  const page = await readFile(output, 'utf8');
  for (const type of eventTypes) expect(page).toContain(`### ${type}\n`);
  const described = new Set(documentFields.map(({ path }) => path));
  const activities = new Activities({ opened: async () => null, command: async () => null });
  for (const event of [...everyEvent(), ...everyKind()]) {
    const document = documentOf(await activities.join(event), 'gw_1');
    const { details, ...rest } = document;
    for (const [name, value] of Object.entries(rest)) {
      expect(described, event.type).toContain(name);
      if (typeof value !== 'object' || value === null || Array.isArray(value)) continue;
      for (const inner of Object.keys(value)) expect(described, event.type).toContain(`${name}.${inner}`);
    }
    const known = Object.keys(eventTable[event.type].details);
    expect(known, event.type).toEqual(expect.arrayContaining(Object.keys(details)));
  }
});
