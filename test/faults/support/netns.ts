/**
 * A second host in a network namespace: it can be cut off so that packets are lost both ways and nobody says goodbye.
 * Needs root on Linux and iproute2.
 *
 * How the cut works: the namespace loses its routes, so that whatever its kernel wants to send (acknowledgements, resets,
 * the end of a killed process) goes nowhere; the neighbour's address is pinned, so that this side learns nothing either.
 */
import { execFileSync, spawnSync } from 'node:child_process';

export interface RemoteHost {
  /** This machine's address on the link, and the remote one's. */
  readonly local: string;
  readonly remote: string;
  /** Prefix of a command that runs there. */
  readonly prefix: readonly string[];
  /** From now on nothing gets through, either way. */
  cut(): void;
  close(): void;
}

/** Whether this machine lets us make one. */
export function canMakeHosts(): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
  const name = `sp-probe-${process.pid}`;
  const made = spawnSync('ip', ['netns', 'add', name]).status === 0;
  if (made) spawnSync('ip', ['netns', 'del', name]);
  return made;
}

export function makeHost(): RemoteHost {
  const tag = process.pid.toString(36);
  const name = `sp-${tag}`;
  const here = `sph${tag}`;
  const there = `spr${tag}`;
  const subnet = `10.213.${process.pid % 250}`;
  const local = `${subnet}.1`;
  const remote = `${subnet}.2`;
  const ip = (...args: string[]): string =>
    execFileSync('ip', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  const close = (): void => {
    spawnSync('ip', ['link', 'del', here]);
    spawnSync('ip', ['netns', 'del', name]);
  };
  process.once('exit', close);
  try {
    ip('netns', 'add', name);
    ip('link', 'add', 'name', here, 'type', 'veth', 'peer', 'name', there, 'netns', name);
    ip('address', 'add', `${local}/30`, 'dev', here);
    ip('link', 'set', here, 'up');
    ip('-n', name, 'address', 'add', `${remote}/30`, 'dev', there);
    ip('-n', name, 'link', 'set', there, 'up');
    ip('-n', name, 'link', 'set', 'lo', 'up');
    const hardware = /link\/ether (\S+)/.exec(ip('-n', name, 'link', 'show', there))?.[1] ?? '';
    ip('neigh', 'replace', remote, 'lladdr', hardware, 'dev', here, 'nud', 'permanent');
  } catch (error) {
    close();
    throw error;
  }
  return {
    local,
    remote,
    prefix: ['ip', 'netns', 'exec', name],
    cut: () => void ip('-n', name, 'route', 'del', `${subnet}.0/30`, 'dev', there),
    close() {
      process.removeListener('exit', close);
      close();
    },
  };
}
