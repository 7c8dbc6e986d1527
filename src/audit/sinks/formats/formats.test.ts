/**
 * Formats, each against what says how it must look: OCSF against the published classes of 1.5.0 (../fixtures/ocsf-1.5.0.json: their
 * attributes, types, enumerations and constraints), ECS against a list of fields, categories and types kept here (not its published schema), CEF against a parser of its own.
 */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Activities, type Activity } from '../../../core/activity.ts';
import type { Event } from '../../../core/event.ts';
import { eventTypes } from '../../../core/event-types.ts';
import { planFields, redactedText } from '../fields.ts';
import { everyEvent, everyKind } from '../fixtures/events.ts';
import { atOf, intent, opened } from '../testing.ts';
import { cefParts, spellCef } from './cef.ts';
import { documentOf } from './document.ts';
import { ecsOf } from './ecs.ts';
import { spellJson } from './json.ts';
import { ocsfOf } from './ocsf.ts';
import { splitSource } from './source.ts';

const parts = { gateway: 'gw_1', version: '1.0.0' };

async function joined(events: readonly Event[]): Promise<Activity[]> {
  const activities = new Activities({ opened: async () => null, command: async () => null });
  const found: Activity[] = [];
  for (const event of events) found.push(await activities.join(event));
  return found;
}

const hostile = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom(
    '\n<110>1 - - - - -',
    '\u001b[31m',
    '\u009b2J',
    '\ud800',
    'a\udc00',
    '"}]',
    '\\',
    '|=',
    '\r\n',
    '\u2028',
    '\u202e',
  ),
  fc.string({ unit: fc.constantFrom('\\', '"', '\n', '=', '|', ']', '\u0000', '\ud83d', '\udd12', 'x') }),
);

type Shape = {
  readonly required: readonly string[];
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly constraints?: { readonly at_least_one?: readonly string[] };
};
const ocsf = JSON.parse(readFileSync(new URL('../fixtures/ocsf-1.5.0.json', import.meta.url), 'utf8')) as {
  readonly classes: Readonly<Record<string, Shape>>;
  readonly objects: Readonly<Record<string, Shape>>;
};

function problems(value: unknown, shape: Shape, path: string): string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [`${path} is no object`];
  const given = value as Readonly<Record<string, unknown>>;
  const found = shape.required.filter((name) => given[name] === undefined).map((name) => `${path}.${name} is missing`);
  const oneOf = shape.constraints?.at_least_one;
  if (oneOf !== undefined && !oneOf.some((name) => given[name] !== undefined))
    found.push(`${path} has none of ${oneOf}`);
  for (const [name, inner] of Object.entries(given)) {
    const type = shape.attributes[name];
    if (type === undefined) found.push(`${path}.${name} is unknown`);
    else found.push(...typeProblems(inner, type, `${path}.${name}`));
  }
  return found;
}

function typeProblems(value: unknown, type: unknown, path: string): string[] {
  if (Array.isArray(type) && type[0] === 'list') {
    if (!Array.isArray(value)) return [`${path} is no list`];
    return value.flatMap((entry, at) => typeProblems(entry, type[1], `${path}[${at}]`));
  }
  if (Array.isArray(type)) return type.includes(value) ? [] : [`${path} is none of ${type.join(' ')}`];
  if (type === 'any' || type === 'object') return [];
  if (type === 'integer') return Number.isInteger(value) ? [] : [`${path} is no integer: ${String(value)}`];
  if (type === 'string' || type === 'boolean') return typeof value === type ? [] : [`${path} is no ${type}`];
  return problems(value, ocsf.objects[type as string]!, path);
}

describe('OCSF', () => {
  it('makes every type of event a valid event of its class', async () => {
    const found: string[] = [];
    const seen = new Set<string>();
    for (const activity of [...(await joined(everyEvent())), ...(await joined(everyKind()))]) {
      const event = JSON.parse(spellJson(ocsfOf(activity, parts))) as Record<string, unknown>;
      const name = Object.entries(ocsf.classes).find(
        ([, shape]) => (shape.attributes['class_uid'] as number[])[0] === event['class_uid'],
      )?.[0];
      if (name === undefined) throw new Error(`${activity.event.type} has no class`);
      seen.add(name);
      found.push(...problems(event, ocsf.classes[name]!, `${activity.event.type} ${name}`));
      expect(event['type_uid']).toBe(Number(event['class_uid']) * 100 + Number(event['activity_id']));
    }
    expect(found).toEqual([]);
    expect([...seen].sort()).toEqual(Object.keys(ocsf.classes).sort());
  });

  it('is also valid of an event whose session and command are not known', async () => {
    for (const event of [...everyEvent(), ...everyKind()]) {
      const made = JSON.parse(spellJson(ocsfOf({ event, opened: null, command: null }, parts))) as Record<
        string,
        unknown
      >;
      const shape = Object.values(ocsf.classes).find(
        ({ attributes }) => (attributes['class_uid'] as number[])[0] === made['class_uid'],
      )!;
      expect(problems(made, shape, event.type)).toEqual([]);
    }
  });

  it('puts commands into the classes of their kinds', async () => {
    const ends = (await joined(everyKind())).filter(({ event }) => event.type === 'command.ended');
    const made = ends.map((activity) => ocsfOf(activity, parts) as { class_name: string; activity_name: string });
    expect(made.map(({ class_name, activity_name }) => `${class_name}: ${activity_name}`)).toEqual([
      'Datastore Activity: Delete',
      'Process Activity: Terminate',
      'HTTP Activity: Post',
      'API Activity: Delete',
      'File System Activity: Update',
      'API Activity: Delete',
      'Network Activity: Open',
    ]);
  });
});

/** ECS 8.17: the allowed values of `event.category` and `event.type`. */
const categories =
  'api authentication configuration database driver email file host iam intrusion_detection library malware network package process registry session threat vulnerability web'.split(
    ' ',
  );
const types =
  'access admin allowed change connection creation deletion denied device end error group indicator info installation protocol start user'.split(
    ' ',
  );

/** Fields that ECS 8.17 has, of those that are sent. Everything of this project's own stands below `sallyport`. */
const ecsFields =
  /^(?:@timestamp|message|ecs\.version|labels\.[^.]+|event\.(?:kind|category|type|action|outcome|id|sequence|severity|module|dataset|provider|code|reason|duration)|observer\.(?:vendor|product|type|name|version)|user\.(?:id|name|domain|group\.name)|source\.(?:address|ip|port)|service\.target\.(?:name|type)|network\.protocol|rule\.name|process\.command_line|http\.request\.method|url\.path|file\.path|orchestrator\.(?:type|namespace|resource\.(?:type|name))|error\.code|related\.(?:user|ip|hosts)|sallyport\..+)$/;

function paths(value: unknown, path = ''): string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [path];
  return Object.entries(value).flatMap(([name, inner]) => paths(inner, path === '' ? name : `${path}.${name}`));
}

describe('ECS', () => {
  it('uses the fields, categories and types that there are, for every type of event', async () => {
    for (const activity of [...(await joined(everyEvent())), ...(await joined(everyKind()))]) {
      const made = JSON.parse(spellJson(ecsOf(activity, parts))) as {
        event: { category: string[]; type: string[]; kind: string; outcome: string };
      };
      expect(paths(made).filter((path) => path !== '' && !ecsFields.test(path))).toEqual([]);
      expect(made.event.category.filter((one) => !categories.includes(one))).toEqual([]);
      expect(made.event.type.filter((one) => !types.includes(one))).toEqual([]);
      expect(['event', 'alert']).toContain(made.event.kind);
      expect(['success', 'failure', 'unknown']).toContain(made.event.outcome);
    }
  });

  it('never gives one name two types, whatever the events', async () => {
    const known = new Map<string, string>();
    for (const activity of [...(await joined(everyEvent())), ...(await joined(everyKind()))]) {
      const walk = (value: unknown, path: string): void => {
        if (value === null) return;
        if (Array.isArray(value)) {
          for (const entry of value) walk(entry, path);
          return;
        }
        const type = typeof value;
        expect(`${path} ${known.get(path) ?? type}`).toBe(`${path} ${type}`);
        known.set(path, type);
        if (type !== 'object') return;
        for (const [name, inner] of Object.entries(value as object)) walk(inner, `${path}.${name}`);
      };
      walk(JSON.parse(spellJson(ecsOf(activity, parts))), '');
    }
  });
});

/** What a receiver makes of a line: the header's seven fields, and the extension. */
function parseCef(line: string): { header: string[]; extension: Record<string, string> } {
  const header: string[] = [];
  let field = '';
  let at = 0;
  for (; header.length < 7; at++) {
    if (line[at] === '\\') field += line[++at];
    else if (line[at] === '|') {
      header.push(field);
      field = '';
    } else if (at >= line.length) throw new Error('the header ends early');
    else field += line[at];
  }
  const extension: Record<string, string> = {};
  const rest = line.slice(at);
  const keys = [...rest.matchAll(/(?:^| )([A-Za-z0-9]+)(?<!\\)=/g)];
  for (const [index, match] of keys.entries()) {
    const from = match.index + match[0].length;
    const value = rest.slice(from, keys[index + 1]?.index ?? rest.length);
    extension[match[1]!] = value.replace(/\\(.)/gs, (_, one: string) => ({ n: '\n', r: '\r' })[one] ?? one);
  }
  return { header, extension };
}

describe('CEF', () => {
  it('A-REC-02 is one line that parses back, whatever stands in it', () => {
    fc.assert(
      fc.property(hostile, hostile, (text, name) => {
        const line = spellCef(
          { version: name, classId: 'command.intent', name: text, severity: 3 },
          { suser: name, cs2: text, cs2Label: 'command' },
        );
        expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u202e]/);
        expect(line.isWellFormed()).toBe(true);
        const { header, extension } = parseCef(line);
        expect(header).toHaveLength(7);
        expect([header[0], header[4], header[6]]).toEqual(['CEF:0', 'command.intent', '3']);
        expect(Object.keys(extension)).toEqual(['suser', 'cs2', 'cs2Label']);
        const spelled = (one: string): string =>
          one.replace(
            /[\u0000-\u0009\u000b\u000c\u000e-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g,
            (unsafe) => `\\u${unsafe.charCodeAt(0).toString(16).padStart(4, '0')}`,
          );
        expect(extension['cs2']).toBe(spelled(text));
      }),
      { seed: 7, numRuns: 500 },
    );
  });

  it('fills the dictionary’s keys for every type of event', async () => {
    for (const activity of await joined(everyEvent())) {
      const { header, extension } = cefParts(activity, parts);
      const parsed = parseCef(spellCef(header, extension));
      expect(parsed.header[4]).toBe(activity.event.type);
      expect(parsed.extension).toMatchObject({ externalId: `gw_1:${activity.event.seq}`, deviceExternalId: 'gw_1' });
    }
    const [, activity] = await joined(everyKind());
    const { extension } = cefParts(activity!, parts);
    expect(extension).toMatchObject({
      src: '192.0.2.7',
      spt: 50123,
      cs2: 'delete from customers',
      cs2Label: 'command',
    });
  });
});

describe('the document', () => {
  it('A-REC-02 is one line of JSON that reads back as it was, whatever stands in it', () => {
    fc.assert(
      fc.property(hostile, hostile, (text, login) => {
        const event = intent(2, text);
        const open = opened(1, 'ses_1', { source: login, client: { [login]: text } }) as Activity['opened'];
        const document = documentOf({ event, opened: open, command: null }, 'gw_1');
        const line = spellJson({ ...document, details: { text, login } });
        expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u200b\u2028\u202e\ufeff]/);
        expect(line.isWellFormed()).toBe(true);
        expect(JSON.parse(line)).toEqual({ ...document, details: { text, login } });
      }),
      { seed: 11, numRuns: 500 },
    );
  });

  it('says all of an intent, and enough of it in what follows', async () => {
    const long = 'x'.repeat(5_000);
    const [, first, second] = await joined([
      opened(1),
      intent(2, long, 'ses_1', 1),
      { ...everyEvent()[2]!, seq: 3 },
      intent(4, 'y'),
    ]);
    expect(documentOf(first!, 'gw_1').command?.text).toBe(long);
    expect(documentOf(second!, 'gw_1').type).toBe(everyEvent()[2]!.type);
    const [, , verdict] = await joined([
      opened(1),
      intent(2, long, 'ses_1', 1),
      {
        type: 'command.verdict',
        session: 'ses_1',
        command: 1,
        verdict: { name: 'hold', rule: 'r', reason: '' },
        seq: 3,
        at: atOf(3),
      },
    ]);
    expect(documentOf(verdict!, 'gw_1').command).toMatchObject({ textBytes: 5_000, verdict: { name: 'hold' } });
    expect(documentOf(verdict!, 'gw_1').command?.text).toHaveLength(4_096);
  });

  it('has one sample of every type here', () => {
    expect(
      everyEvent()
        .map(({ type }) => type)
        .sort(),
    ).toEqual([...eventTypes].sort());
  });
});

describe('fields that leave only changed', () => {
  const document = { a: { b: 'secret', c: [{ d: 1 }, { d: 2 }] }, names: ['x', 'y'], n: null };

  it('are left out, redacted, or hashed the same for the same value', () => {
    const key = Buffer.alloc(32, 1);
    expect(planFields(undefined, key)(document)).toBe(document);
    expect(planFields({ omit: ['a.b', 'n'] }, key)(document)).toEqual({
      a: { c: [{ d: 1 }, { d: 2 }] },
      names: ['x', 'y'],
    });
    expect(planFields({ redact: ['a.*.d', 'a.b'] }, key)(document)).toEqual({
      ...document,
      a: { b: redactedText, c: [{ d: redactedText }, { d: redactedText }] },
    });
    const hashed = planFields({ hash: ['names', 'a.b', 'n', 'a.c'] }, key)(document) as typeof document;
    expect(hashed.names).toEqual([expect.stringMatching(/^hmac:[0-9a-f]{32}$/), expect.stringMatching(/^hmac:/)]);
    expect(hashed.names[0]).not.toBe(hashed.names[1]);
    expect(hashed.n).toBeNull();
    expect(planFields({ hash: ['names'] }, key)({ names: 'x' })).toEqual({ names: hashed.names[0] });
    expect(planFields({ hash: ['names'] }, Buffer.alloc(32, 2))({ names: 'x' })).not.toEqual({
      names: hashed.names[0],
    });
  });

  it('change nothing where the path names nothing', () => {
    expect(planFields({ omit: ['x.y', 'a.b.c'] }, Buffer.alloc(1))(document)).toEqual(document);
  });
});

describe('where a client came from', () => {
  it('is taken apart', () => {
    expect(splitSource('192.0.2.7')).toEqual({ ip: '192.0.2.7', host: null, port: null });
    expect(splitSource('192.0.2.7:22')).toEqual({ ip: '192.0.2.7', host: null, port: 22 });
    expect(splitSource('[2001:db8::1]:22')).toEqual({ ip: '2001:db8::1', host: null, port: 22 });
    expect(splitSource('2001:db8::1')).toEqual({ ip: '2001:db8::1', host: null, port: null });
    expect(splitSource('somewhere')).toEqual({ ip: null, host: 'somewhere', port: null });
    expect(splitSource(null)).toEqual({ ip: null, host: null, port: null });
  });
});
