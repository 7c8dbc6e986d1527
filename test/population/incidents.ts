/**
 * What goes wrong, with labels: incidents of each kind in variants from blatant to careful, written into the ordinary stream in the
 * name of somebody who otherwise works as always.
 *
 * `expects` names the detectors that are made for a kind; an alert of any other detector on it counts as right too, but not towards
 * that one's recall.
 */
import { http, kubernetes, shell, sql } from './commands.ts';
import {
  act,
  configure,
  databaseOf,
  download,
  dropAudit,
  elsewhere,
  failures,
  foreignResource,
  grant,
  hasAgent,
  hop,
  type Incident,
  isAdmin,
  isReviewer,
  keys,
  masquerade,
  moment,
  ofTeams,
  pair,
  passwords,
  plainSteps,
  reconnoitre,
  refusals,
  type Script,
  same,
  shadow,
  slowly,
  stamp,
  sudo,
  usesDatabase,
  usual,
} from './deeds.ts';
import { writeTask } from './ordinary.ts';
import { writeBreakGlass } from './reviews.ts';
import { lookUpOf } from './steps.ts';
import { actorOf, type Stream, serviceActor } from './stream.ts';
import { beginMs, dayMs, hourMs, isAway, isHoliday, isWeekend, offices, type Person } from './world.ts';

export const scripts: readonly Script[] = [
  { kind: 'probing', variant: 'blatant', expects: ['denial-burst'], write: (scene) => refusals(scene, 20, 240_000) },
  { kind: 'probing', variant: 'plain', expects: ['denial-burst'], write: (scene) => refusals(scene, 8, 300_000) },
  { kind: 'probing', variant: 'careful', expects: ['denial-burst'], write: (scene) => refusals(scene, 4, 500_000) },

  {
    kind: 'guessing',
    variant: 'blatant',
    expects: ['failed-logins'],
    write: (scene) => failures(scene, same(scene.person.name, 150), 300_000, elsewhere),
  },
  {
    kind: 'guessing',
    variant: 'careful',
    expects: ['failed-logins'],
    write: (scene) => failures(scene, same(scene.person.name, 9), 560_000, elsewhere),
  },
  {
    kind: 'guessing',
    variant: 'succeeds',
    expects: ['failed-logins'],
    write: (scene) => failures(scene, same(scene.person.name, 7), 6 * hourMs, '45.91.3.4', true),
  },
  {
    kind: 'spraying',
    variant: 'blatant',
    expects: ['failed-logins'],
    write: (scene) =>
      failures(
        scene,
        scene.people.slice(0, 40).map(({ name }) => name),
        240_000,
        '45.92.1.1',
      ),
  },
  {
    kind: 'spraying',
    variant: 'slow',
    expects: ['failed-logins'],
    write: (scene) =>
      failures(
        scene,
        scene.people.slice(0, 9).map(({ name }) => name),
        18 * hourMs,
        '45.93.1.1',
      ),
  },

  {
    kind: 'foreign-resource',
    variant: 'plain',
    expects: ['unusual-resource'],
    who: ofTeams('support', 'analytics', 'product', 'finance'),
    write: (scene) => {
      const to = foreignResource(scene);
      act(scene, to, plainSteps(scene.random, to, 6));
    },
  },
  {
    kind: 'foreign-resource',
    variant: 'careful',
    expects: ['unusual-resource'],
    who: ofTeams('engineering', 'sre', 'science'),
    write: (scene) => {
      const to = foreignResource(scene);
      act(scene, to, plainSteps(scene.random, to, 1));
    },
  },

  {
    kind: 'foreign-table',
    variant: 'plain',
    expects: ['unusual-table'],
    who: ofTeams('support', 'engineering', 'finance'),
    write: (scene) => {
      const on = databaseOf(scene.person);
      act(scene, on, ['secrets', 'vip_contacts', 'blocked_cards'].map(lookUpOf));
    },
  },
  {
    kind: 'foreign-table',
    variant: 'careful',
    expects: ['unusual-table'],
    who: ofTeams('support', 'engineering', 'finance', 'hr'),
    write: (scene) => {
      const on = databaseOf(scene.person);
      act(scene, on, [lookUpOf((scene.person.tables[on] ?? ['orders'])[0]!), lookUpOf('staff_notes')]);
    },
  },
  {
    kind: 'foreign-table',
    variant: 'analyst',
    expects: ['unusual-table'],
    who: ofTeams('analytics', 'science'),
    write: (scene) =>
      act(
        scene,
        'warehouse',
        ['raw_persons', 'raw_cards', 'raw_health', 'raw_messages', 'raw_locations'].map(lookUpOf),
      ),
  },

  {
    kind: 'odd-hours',
    variant: 'plain',
    expects: ['unusual-hours'],
    who: ({ team }) => team !== 'sre',
    write: (scene) => {
      for (let times = 0; times < 4; times += 1)
        writeTask(
          scene.stream,
          scene.random,
          scene.person,
          scene.day,
          moment(scene, 2.2 + times * 0.3),
          scene.person.home,
          scene.id,
        );
    },
  },
  {
    kind: 'odd-hours',
    variant: 'careful',
    expects: ['unusual-hours'],
    who: ({ team }) => team !== 'sre',
    write: (scene) =>
      writeTask(scene.stream, scene.random, scene.person, scene.day, moment(scene, 4.6), scene.person.home, scene.id),
  },

  {
    kind: 'stolen-credentials',
    variant: 'abroad',
    expects: ['unusual-address'],
    write: (scene) =>
      writeTask(
        scene.stream,
        scene.random,
        scene.person,
        scene.day,
        moment(scene),
        `92.${scene.random.whole(1, 250)}.7.8`,
        scene.id,
      ),
  },
  {
    kind: 'stolen-credentials',
    variant: 'service',
    expects: ['unusual-address', 'unusual-client'],
    write: (scene) => {
      const session = scene.stream.session(
        {
          atMs: moment(scene),
          principal: serviceActor(scene.random.pick(['ci-web', 'ci-shop', 'ci-jobs', 'load'])),
          resource: 'web-1',
          source: `91.${scene.random.whole(1, 250)}.7.8`,
          client: scene.random.pick(['OpenSSH_9.9', 'PuTTY_Release_0.81', 'paramiko_3.5', 'libssh2_1.11']),
        },
        scene.id,
      );
      session
        .think(9000)
        .run(shell('id', { programs: ['id'] }))
        .run(shell('ls -la', { programs: ['ls'] }))
        .close();
    },
  },

  {
    kind: 'other-client',
    variant: 'tool',
    expects: ['unusual-client'],
    who: usesDatabase,
    write: (scene) =>
      act(scene, databaseOf(scene.person), plainSteps(scene.random, databaseOf(scene.person), 5), {
        client: 'sqlmap/1.9',
      }),
  },
  {
    kind: 'other-client',
    variant: 'script',
    expects: ['unusual-client'],
    who: usesDatabase,
    write: (scene) =>
      act(scene, databaseOf(scene.person), plainSteps(scene.random, databaseOf(scene.person), 3), {
        client: 'psycopg 3.2',
      }),
  },

  {
    kind: 'privileged-at-night',
    variant: 'shell',
    expects: ['privileged-at-unusual-hours'],
    who: ofTeams('engineering'),
    write: (scene) => act(scene, 'app-1', [sudo], { atMs: moment(scene, 2.7), source: scene.person.home }),
  },
  {
    kind: 'privileged-at-night',
    variant: 'grant',
    expects: ['privileged-at-unusual-hours'],
    who: ofTeams('engineering', 'analytics', 'finance'),
    write: (scene) =>
      act(scene, databaseOf(scene.person), [grant, dropAudit], { atMs: moment(scene, 3.3), source: scene.person.home }),
  },

  {
    kind: 'bulk-download',
    variant: 'blatant',
    expects: ['unusual-volume'],
    who: usesDatabase,
    write: (scene) =>
      act(scene, databaseOf(scene.person), [download(scene.person.tables[databaseOf(scene.person)]![0]!, 400_000)]),
  },
  {
    kind: 'bulk-download',
    variant: 'plain',
    expects: ['unusual-volume'],
    who: usesDatabase,
    write: (scene) =>
      act(scene, databaseOf(scene.person), [download(scene.person.tables[databaseOf(scene.person)]![0]!, 70_000)]),
  },
  {
    kind: 'bulk-download',
    variant: 'careful',
    expects: ['unusual-volume'],
    who: ofTeams('support', 'hr', 'engineering'),
    write: (scene) =>
      act(
        scene,
        databaseOf(scene.person),
        Array.from({ length: 10 }, () => download(scene.person.tables[databaseOf(scene.person)]![0]!, 700)),
      ),
  },
  {
    kind: 'bulk-download',
    variant: 'file',
    expects: ['unusual-volume'],
    who: ofTeams('sre', 'engineering'),
    write: (scene) =>
      act(scene, 'app-1', [
        shell('cat /srv/app/dump.tar', {
          programs: ['cat'],
          paths: [['/srv/app/dump.tar', 'read']],
          kilobytes: [200_000, 300_000],
        }),
      ]),
  },

  {
    kind: 'slow-exfiltration',
    variant: 'plain',
    expects: ['slow-exfiltration'],
    who: ofTeams('support', 'hr', 'engineering'),
    days: 9,
    write: (scene) => slowly(scene, 8, 3_500),
  },
  {
    kind: 'slow-exfiltration',
    variant: 'careful',
    expects: ['slow-exfiltration'],
    who: ofTeams('support', 'hr', 'engineering'),
    days: 13,
    write: (scene) => slowly(scene, 12, 2_000),
  },

  { kind: 'hopping', variant: 'blatant', expects: ['resource-hopping'], write: (scene) => hop(scene, 16, 480_000) },
  { kind: 'hopping', variant: 'careful', expects: ['resource-hopping'], write: (scene) => hop(scene, 7, 800_000) },

  {
    kind: 'masquerade',
    variant: 'long',
    expects: ['unusual-sequence'],
    who: usesDatabase,
    write: (scene) => masquerade(scene, 40),
  },
  {
    kind: 'masquerade',
    variant: 'short',
    expects: ['unusual-sequence'],
    who: usesDatabase,
    write: (scene) => masquerade(scene, 14),
  },

  {
    kind: 'recon-export',
    variant: 'plain',
    expects: ['recon-then-export'],
    who: ofTeams('support', 'hr', 'engineering', 'finance'),
    write: (scene) => reconnoitre(scene, 16, 9_000, 1_200_000),
  },
  {
    kind: 'recon-export',
    variant: 'careful',
    expects: ['recon-then-export'],
    who: ofTeams('support', 'hr', 'engineering'),
    write: (scene) => reconnoitre(scene, 7, 2_200, 2.5 * hourMs),
  },

  {
    kind: 'rubber-stamp',
    variant: 'blatant',
    expects: ['rubber-stamp'],
    who: isReviewer,
    write: (scene) => stamp(scene, 1, 2_400, 3),
  },
  {
    kind: 'rubber-stamp',
    variant: 'habit',
    expects: ['rubber-stamp'],
    who: isReviewer,
    days: 5,
    write: (scene) => stamp(scene, 5, 500, 5, undefined, 3),
  },
  {
    kind: 'rubber-stamp',
    variant: 'pair',
    expects: ['rubber-stamp'],
    who: isReviewer,
    days: 14,
    write: (scene) => pair(scene, 18),
  },
  {
    kind: 'rubber-stamp',
    variant: 'night',
    expects: ['rubber-stamp'],
    who: isReviewer,
    write: (scene) => stamp(scene, 3, 300, 40, 1.5),
  },

  {
    kind: 'break-glass',
    variant: 'forgotten',
    expects: ['break-glass-without-follow-up'],
    who: ofTeams('sre'),
    days: 5,
    write: (scene) =>
      writeBreakGlass(
        scene.stream,
        { person: scene.person, atMs: moment(scene), reviewer: scene.person, hours: null },
        scene.id,
      ),
  },
  {
    kind: 'break-glass',
    variant: 'late',
    expects: ['break-glass-without-follow-up'],
    who: ofTeams('sre'),
    days: 7,
    write: (scene) =>
      writeBreakGlass(
        scene.stream,
        {
          person: scene.person,
          atMs: moment(scene),
          reviewer: scene.people.find(({ isReviewer: is, id }) => is && id !== scene.person.id)!,
          hours: 110,
        },
        scene.id,
      ),
  },

  {
    kind: 'agent',
    variant: 'resource',
    expects: ['agent-out-of-character'],
    who: hasAgent,
    write: (scene) => {
      const to = foreignResource(scene);
      act(scene, to, plainSteps(scene.random, to, 3), { agent: scene.person.agent, thinkMs: 2_000 });
    },
  },
  {
    kind: 'agent',
    variant: 'destructive',
    expects: ['agent-out-of-character'],
    who: hasAgent,
    write: (scene) =>
      act(
        scene,
        databaseOf(scene.person),
        [
          lookUpOf('orders'),
          sql('truncate carts', { uses: ['write public.carts'], effects: ['truncate'], rows: [0, 0] }),
        ],
        { agent: scene.person.agent, thinkMs: 2_000 },
      ),
  },
  {
    kind: 'agent',
    variant: 'tables',
    expects: ['agent-out-of-character'],
    who: hasAgent,
    write: (scene) =>
      act(scene, databaseOf(scene.person), ['staff_notes', 'vip_contacts', 'old_cards', 'exports'].map(lookUpOf), {
        agent: scene.person.agent,
        thinkMs: 2_000,
      }),
  },

  {
    kind: 'secrets',
    variant: 'column',
    expects: ['secrets-in-output'],
    who: ofTeams('support', 'engineering'),
    write: (scene) => act(scene, 'customers-db', [passwords]),
  },
  {
    kind: 'secrets',
    variant: 'file',
    expects: ['secrets-in-output'],
    who: ofTeams('engineering', 'sre'),
    write: (scene) => act(scene, 'app-1', [scene.random.pick([shadow, keys])]),
  },
  {
    kind: 'secrets',
    variant: 'cluster',
    expects: ['secrets-in-output'],
    who: ofTeams('engineering', 'sre'),
    write: (scene) => act(scene, 'cluster', [kubernetes('get', 'shop', 'secrets', 'database')]),
  },
  {
    kind: 'secrets',
    variant: 'masked',
    expects: ['secrets-in-output'],
    who: ofTeams('support', 'engineering'),
    write: (scene) => {
      const { stream, person, id } = scene;
      const session = stream.session(
        { atMs: moment(scene), principal: actorOf(person), resource: databaseOf(person), ...usual(scene) },
        id,
      );
      session
        .think(9_000)
        .run(lookUpOf('notes'), { rows: 90, masked: { 'secrets-anywhere': 60 } })
        .close();
    },
  },

  {
    kind: 'weakening',
    variant: 'deleted',
    expects: ['weakening'],
    who: isAdmin,
    write: (scene) => configure(scene, 'Guardrail', 'no-ddl', 'deleted', []),
  },
  {
    kind: 'weakening',
    variant: 'milder',
    expects: ['weakening'],
    who: isAdmin,
    write: (scene) => configure(scene, 'Guardrail', 'no-ddl', 'updated', ['spec.verdict: block → alert']),
  },
  {
    kind: 'weakening',
    variant: 'exception',
    expects: ['weakening'],
    who: isAdmin,
    write: (scene) =>
      configure(scene, 'Mask', 'customer-contacts', 'updated', [
        `spec.match.principals.except.names: (none) → [${scene.person.name}]`,
      ]),
  },
  {
    kind: 'weakening',
    variant: 'recording',
    expects: ['weakening'],
    who: isAdmin,
    write: (scene) => configure(scene, 'Resource', 'orders-db', 'updated', ['spec.recording: strict → best-effort']),
  },
  {
    kind: 'weakening',
    variant: 'gone',
    expects: ['weakening'],
    who: isAdmin,
    write: (scene) =>
      scene.stream.write(
        moment(scene),
        {
          type: 'recording.deleted',
          session: 'ses_9',
          principal: actorOf(scene.person),
          rule: null,
          reason: 'mistake',
          bytes: 1,
        },
        scene.id,
      ),
  },
];

/** Accounts that are used once at the beginning, and again by somebody else long after. */
export function writeDormant(stream: Stream, day: number, number: number, id: string | null): Incident {
  const name = `former-${number}`;
  const principal = {
    id: `prn_${name}`,
    issuer: 'local',
    name,
    kind: 'person' as const,
    groups: ['staff', 'support'],
    credentialId: null,
  };
  const source = offices[0];
  const session = stream.session(
    { atMs: beginMs + day * dayMs + 11 * hourMs, principal, resource: 'orders-db', source, client: 'psql' },
    id,
  );
  session.think(5_000).run(lookUpOf('orders')).run(http('GET', '/orders/{id}')).close();
  return { id: id ?? '', kind: 'dormant', variant: 'plain', expects: ['dormant-account'], principal: name };
}

export function mayBegin(person: Person, day: number, { who, days = 1 }: Script): boolean {
  if (who !== undefined && !who(person)) return false;
  for (let one = day; one < day + days; one += 1) if (isAway(person, one)) return false;
  return person.from + 14 < day && !isWeekend(day) && !isHoliday(day);
}
