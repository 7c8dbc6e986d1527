import { expect, it } from 'vitest';
import type { Manifest } from '../api/contract/index.ts';
import * as limits from './limits.ts';
import { sinkProblems } from './sink-checks.ts';

const sink = (spec: object, name = 'siem'): Manifest =>
  ({ kind: 'Sink', metadata: { name }, spec }) as unknown as Manifest;
const reasons = (spec: object): string[] => sinkProblems([sink(spec)]).map(({ field, reason }) => `${field} ${reason}`);

it('A-API-04 refuses targets that could never be reached', () => {
  const inside = 'lies inside a private network; private: true where that is meant';
  expect(reasons({ to: { webhook: { url: 'https://10.0.0.1/x' } } })).toEqual([`spec.to.webhook.url ${inside}`]);
  expect(reasons({ to: { webhook: { url: 'https://10.0.0.1/x' } }, private: true })).toEqual([]);
  expect(reasons({ to: { syslog: { address: '[::1]:514' } } })).toEqual([`spec.to.syslog ${inside}`]);
  expect(reasons({ to: { kafka: { brokers: ['a:1', 'localhost:9092'] } } })).toEqual([`spec.to.kafka ${inside}`]);
  const never = 'is an address that the gateway connects to for nobody';
  expect(reasons({ to: { s3: { endpoint: 'http://169.254.169.254/' } }, private: true })).toEqual([
    `spec.to.s3.endpoint ${never}`,
  ]);
  expect(reasons({ to: { file: { directory: '/x' } } })).toEqual([]);
});

it('refuses more sinks than are read', () => {
  const all = Array.from({ length: limits.sinksMax }, (_, at) => sink({ to: { file: { directory: '/x' } } }, `s${at}`));
  expect(sinkProblems(all)).toEqual([]);
  expect(sinkProblems([...all, sink({ to: { file: { directory: '/x' } } }, 'more')])).toEqual([
    expect.objectContaining({ name: 'more' }),
  ]);
});
