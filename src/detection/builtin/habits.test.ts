import { describe, expect, test } from 'vitest';
import { agentOutOfCharacter } from './agent-out-of-character.ts';
import { privilegedAtUnusualHours, unusualHours } from './hours.ts';
import { dayMs, hourMs, minuteMs } from './kit.ts';
import { reconThenExport } from './recon-then-export.ts';
import { secretsInOutput } from './secrets-in-output.ts';
import { slowExfiltration } from './slow-exfiltration.ts';
import { table, Watch } from './testing.ts';
import { clientOf, networkOf, unusualAddress, unusualClient, unusualResource, unusualTable } from './unusual-things.ts';
import { unusualVolume } from './unusual-volume.ts';

const team = ['ana', 'bob', 'cleo', 'dan', 'eve'];

describe('first times', () => {
  test('a resource that neither the principal nor its group uses; what the group uses is nothing', () => {
    const watch = new Watch(unusualResource);
    watch.days(10, () => {
      for (const name of team) watch.open({ name, resource: 'orders' });
      for (const name of ['bob', 'cleo', 'dan']) watch.open({ name, resource: 'billing' });
    });
    expect(watch.open({ resource: 'billing' })).toEqual([]);
    expect(watch.restart().open({ resource: 'payroll' })).toMatchObject([{ group: 'prn_ana', resource: 'payroll' }]);
    // Told once, not learned by its peers, and usual for it after a week.
    expect(watch.wait(dayMs).open({ resource: 'payroll' })).toEqual([]);
    expect(watch.open({ name: 'bob', resource: 'payroll' })).toHaveLength(1);
    expect(watch.wait(8 * dayMs).open({ resource: 'payroll' })).toEqual([]);
  });

  test('while nothing is known everything is learned; whoever comes new is compared with the group', () => {
    const watch = new Watch(unusualResource);
    for (const name of team) expect(watch.open({ name, resource: `of-${name}` })).toEqual([]);
    watch.days(9, () => {
      for (const name of team) watch.open({ name, resource: 'orders' });
    });
    expect(watch.open({ name: 'new', resource: 'orders' })).toEqual([]);
    expect(watch.open({ name: 'new', resource: 'payroll' })).toHaveLength(1);
  });

  test('a resource that was configured lately is new for everyone', () => {
    const watch = new Watch(unusualResource);
    watch.days(10, () => watch.open());
    const principal = {
      id: 'prn_root',
      issuer: 'local',
      name: 'root',
      kind: 'person' as const,
      groups: [],
      credentialId: null,
    };
    watch.event({
      type: 'configuration.changed',
      principal,
      action: 'created',
      kind: 'Resource',
      name: 'fresh',
      changes: [],
    });
    expect(watch.wait(13 * dayMs).open({ resource: 'fresh' })).toEqual([]);
  });

  test('a table by what the command means; created lately, or of the catalogue, it does not count', () => {
    const watch = new Watch(unusualTable);
    watch.days(10, () => {
      watch.open();
      watch.run({ touches: [table('orders')] });
    });
    watch.open();
    expect(watch.run({ touches: [['table', 'read', 'pg_catalog.pg_class']] })).toEqual([]);
    expect(watch.run({ touches: [['table', 'write', 'public.fresh']], effects: ['create'] })).toEqual([]);
    const [finding] = watch.run({ touches: [table('orders'), table('salaries')] });
    expect(finding).toMatchObject({ facts: { thing: 'orders: public.salaries' }, command: 3 });
  });

  test('who often touches new tables must touch more of them than usual', () => {
    const watch = new Watch(unusualTable);
    watch.days(30, (_, day) => {
      watch.open();
      for (let index = 0; index < 2; index += 1) watch.run({ touches: [table(`t${day}_${index}`)] });
    });
    const before = watch.findings.length;
    watch.open();
    for (let index = 0; index < 2; index += 1) watch.run({ touches: [table(`u${index}`)] });
    expect(watch.findings).toHaveLength(before);
    for (let index = 2; index < 12; index += 1) watch.run({ touches: [table(`u${index}`)] });
    expect(watch.findings.length).toBeGreaterThan(before);
  });

  test('an address by its network, a client without its version', () => {
    const watch = new Watch(unusualAddress);
    watch.days(16, (_, day) => watch.open({ source: `10.0.0.${day}` }));
    expect(watch.open({ source: '10.0.0.200' })).toEqual([]);
    expect(watch.open({ source: '45.9.1.2' })).toMatchObject([{ facts: { thing: '45.9.1.0/24' } }]);
    const client = new Watch(unusualClient);
    client.days(10, (_, day) => client.open({ client: `psql 17.${day}` }));
    expect(client.open({ client: 'psql 18' })).toEqual([]);
    expect(client.open({ client: 'sqlmap/1.9' })).toHaveLength(1);
  });

  test('networks and clients as they are spelled', () => {
    expect(networkOf('::ffff:192.0.2.9')).toBe('192.0.2.0/24');
    expect(networkOf('2001:db8:1:2::7')).toBe('2001:db8:1::/48');
    expect(networkOf('2001:db8::7')).toBe('2001:db8:0::/48');
    expect(networkOf('::1')).toBe('0:0:0::/48');
    expect(clientOf({ software: 'OpenSSH_9.6p1' })).toBe('openssh p');
    expect(clientOf({ tls: '1.3' })).toBeNull();
  });

  test('names that objects have by themselves are names like others', () => {
    const watch = new Watch(unusualResource);
    watch.days(10, () => watch.open({ resource: 'constructor' }));
    expect(watch.open({ resource: '__proto__' })).toHaveLength(1);
    expect(watch.restart().open({ resource: '__proto__' })).toEqual([]);
  });
});

describe('hours', () => {
  const works = (watch: Watch, hours: readonly number[]): void => {
    for (const hour of hours) {
      watch.at(hour).open();
      watch.run();
    }
  };

  test('at night by somebody who works by day: at the third command; the evening is nothing', () => {
    const watch = new Watch(unusualHours);
    watch.days(12, () => works(watch, [9, 11, 14, 16]));
    works(watch, [21]);
    watch.nextDay(2).open();
    expect([...watch.run(), ...watch.run()]).toEqual([]);
    expect(watch.restart().run()).toMatchObject([{ group: 'prn_ana', facts: { hour: 2 } }]);
    expect(watch.run()).toEqual([]);
  });

  test('on call: where nights are common in the group, they are nothing', () => {
    const watch = new Watch(unusualHours);
    watch.days(30, (_, day) => {
      for (const name of team) {
        watch.at(9).open({ name });
        watch.run();
      }
      watch.at(23.5).open({ name: team[day % team.length]! });
      for (let times = 0; times < 4; times += 1) watch.run();
    });
    const late = watch.findings.filter(({ atMs }) => atMs > watch.atMs - 15 * dayMs);
    expect(late).toEqual([]);
  });

  test('privileged work at night is told at the first command, reading is not', () => {
    const watch = new Watch(privilegedAtUnusualHours);
    watch.days(12, () => works(watch, [9, 12, 16]));
    watch.at(3).open();
    expect(watch.run()).toEqual([]);
    expect(watch.run({ effects: ['drop'] })).toMatchObject([{ facts: { effects: 'drop' } }]);
    expect(watch.run({ effects: ['grant'] })).toEqual([]);
  });
});

describe('unusual-volume', () => {
  test('without any history: at the end of the command that passes the absolute threshold, not one row before', () => {
    const watch = new Watch(unusualVolume);
    watch.open();
    expect(watch.run({ rows: 49_999 })).toEqual([]);
    const [finding] = watch.run({ rows: 1 });
    expect(finding).toMatchObject({ facts: { rows: 50_000 }, command: 2, sequence: watch.sequence });
    expect(watch.run({ rows: 90_000 })).toEqual([]);
    expect(watch.wait(4 * hourMs).run({ rows: 90_000 })).toHaveLength(1);
    // In another session again, and there too only where it takes much by itself.
    watch.open();
    expect(watch.run({ rows: 3_999 })).toEqual([]);
    expect(watch.run({ rows: 4_000 })).toMatchObject([{ session: watch.session }]);
    expect(watch.run({ rows: 4_000 })).toEqual([]);
  });

  test('against its own past: five times its usual hour, above the floor', () => {
    const watch = new Watch(unusualVolume);
    watch.days(8, () => {
      watch.open();
      watch.run({ rows: 1_000 });
    });
    watch.open();
    expect(watch.run({ rows: 4_900 })).toEqual([]);
    expect(watch.restart().run({ rows: 200 })).toMatchObject([{ facts: { rows: 5_100, usualRows: 1_000 } }]);
  });

  test('who takes much every day is left alone after some days; catalogues are nobody’s data', () => {
    const watch = new Watch(unusualVolume);
    watch.days(20, () => {
      watch.open({ name: 'backup' });
      watch.run({ rows: 200_000 });
    });
    expect(watch.findings.filter(({ atMs }) => atMs > watch.atMs - 8 * dayMs)).toEqual([]);
    watch.open({ name: 'tool' });
    expect(watch.run({ rows: 90_000, touches: [['table', 'read', 'pg_catalog.pg_class']] })).toEqual([]);
  });

  test('by bytes as well, where there are no rows', () => {
    const watch = new Watch(unusualVolume);
    watch.open();
    expect(watch.run({ kind: 'shell', rows: 0, bytes: 64 * 1024 * 1024 })).toHaveLength(1);
  });
});

test('slow-exfiltration: three times the usual on day after day, though no single day is much', () => {
  const watch = new Watch(slowExfiltration);
  watch.days(20, () => {
    watch.open();
    watch.run({ rows: 700 });
  });
  watch.days(3, () => {
    watch.open();
    watch.run({ rows: 2_000 });
  });
  expect(watch.findings).toEqual([]);
  watch.restart().days(4, () => {
    watch.open();
    watch.run({ rows: 2_400 });
  });
  expect(watch.findings).toHaveLength(1);
  expect(watch.findings[0]?.facts).toMatchObject({ usualRows: 4_900 });
});

describe('recon-then-export', () => {
  const looks = (watch: Watch, count: number): void => {
    for (let index = 0; index < count; index += 1) {
      watch.wait(minuteMs).run({ touches: [['table', 'read', `pg_catalog.pg_${index % 6}`]], rows: 100 });
    }
  };

  test('the one after the other, and neither alone', () => {
    const watch = new Watch(reconThenExport);
    watch.days(8, () => {
      watch.open();
      watch.run({ touches: [table('orders')], rows: 100 });
    });
    watch.open();
    expect(watch.run({ touches: [table('orders')], rows: 3_000 })).toEqual([]);
    watch.nextDay().open();
    looks(watch, 5);
    expect(watch.findings).toEqual([]);
    watch.restart();
    expect(watch.wait(2 * hourMs).run({ touches: [table('orders')], rows: 6_000 })).toMatchObject([
      { facts: { looks: 5, rows: 6_000 } },
    ]);
  });

  test('a client that reads the catalogue each day makes that usual', () => {
    const watch = new Watch(reconThenExport);
    watch.days(10, () => {
      watch.open();
      looks(watch, 6);
      watch.run({ touches: [table('orders')], rows: 100 });
    });
    watch.open();
    looks(watch, 6);
    expect(watch.run({ touches: [table('orders')], rows: 3_000 })).toEqual([]);
  });
});

describe('agent-out-of-character', () => {
  const learned = (): Watch => {
    const watch = new Watch(agentOutOfCharacter);
    return watch.days(9, () => {
      watch.open();
      watch.run({ touches: [table('orders')], effects: ['read', 'update'] });
      watch.open({ agent: 'helper' });
      watch.run({ touches: [table('orders')] });
    });
  };

  test('what its person does it may do; what neither does is told', () => {
    const watch = learned();
    watch.open({ agent: 'helper' });
    expect(watch.run({ touches: [table('orders')], effects: ['update'] })).toEqual([]);
    expect(watch.restart().run({ touches: [table('orders')], effects: ['truncate'] })).toMatchObject([
      { group: 'prn_ana>helper', facts: { feature: 'does truncate on orders' } },
    ]);
    expect(watch.open({ agent: 'helper', resource: 'payroll' })).toHaveLength(1);
  });

  test('new tables only when they are several', () => {
    const watch = learned();
    watch.open({ agent: 'helper' });
    expect([...watch.run({ touches: [table('a')] }), ...watch.run({ touches: [table('b')] })]).toEqual([]);
    expect(watch.run({ touches: [table('c')] })).toMatchObject([{ facts: { newTables: 3 } }]);
  });

  test('the person itself is not its concern', () => {
    const watch = learned();
    expect(watch.open({ resource: 'payroll' })).toEqual([]);
  });
});

describe('secrets-in-output', () => {
  const learned = (): Watch => {
    const watch = new Watch(secretsInOutput);
    return watch.days(8, () => {
      watch.open();
      watch.run({ touches: [table('orders')], masked: { 'customer-contacts': 900 } });
    });
  };

  test('what a mask for secrets changed, the first time; other masks do not count', () => {
    const watch = learned();
    watch.open();
    expect(watch.run({ masked: { 'customer-contacts': 9_000 } })).toEqual([]);
    expect(watch.run({ masked: { 'secrets-anywhere': 1 } })).toMatchObject([{ facts: { values: 1 } }]);
  });

  test('columns, files and objects that hold secrets; only where something came back', () => {
    const watch = learned();
    watch.open();
    const column = ['column', 'read', 'public.logins.password_hash'] as const;
    expect(watch.run({ touches: [column], blockedBy: 'r' })).toEqual([]);
    expect(watch.run({ touches: [['column', 'steer', 'public.logins.password_hash']] })).toEqual([]);
    expect(watch.restart().run({ touches: [column] })).toHaveLength(1);
    expect(watch.run({ kind: 'shell', touches: [['path', 'read', '/srv/a/.ssh/id_rsa']] })).toHaveLength(1);
    expect(watch.run({ kind: 'kubernetes', touches: [['object', 'read', 'shop/secrets/db']] })).toHaveLength(1);
  });

  test('who reads its tokens every day is left alone, until there are far more', () => {
    const watch = new Watch(secretsInOutput);
    watch.days(10, () => {
      watch.open();
      watch.run({ masked: { tokens: 10 } });
    });
    expect(watch.findings).toEqual([]);
    watch.open();
    expect(watch.run({ masked: { tokens: 39 } })).toEqual([]);
    expect(watch.run({ masked: { tokens: 40 } })).toHaveLength(1);
  });
});
