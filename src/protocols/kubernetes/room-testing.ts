/** A gateway for one cluster in this process, and real kubectl for it: see protocols/http/room-testing.ts. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openRoom, type Room, type RoomOptions, token } from '../http/room-testing.ts';
import { createKubernetes } from './index.ts';

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface KubernetesRoom extends Room {
  readonly kubeconfig: string;
  kubectl(program: string, args: readonly string[], input?: string): Promise<Ran>;
}

export async function openKubernetes(options: RoomOptions): Promise<KubernetesRoom> {
  const room = await openRoom({ ...options, protocol: createKubernetes() });
  const directory = await mkdtemp(join(tmpdir(), 'sallyport-kubernetes-'));
  const kubeconfig = join(directory, 'config');
  await writeFile(kubeconfig, configOf(room.port, room.host));
  return {
    ...room,
    kubeconfig,
    kubectl: (program, args, input) => run(program, ['--kubeconfig', kubeconfig, ...args], input, directory),
    close: async () => {
      await room.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

export function configOf(port: number, host: string, secret = token): string {
  return `apiVersion: v1
kind: Config
current-context: test
contexts: [{ name: test, context: { cluster: test, user: test, namespace: shop } }]
clusters: [{ name: test, cluster: { server: "https://127.0.0.1:${port}", tls-server-name: ${host}, insecure-skip-tls-verify: true } }]
users: [{ name: test, user: { token: ${secret} } }]
`;
}

function run(program: string, args: readonly string[], input: string | undefined, home: string): Promise<Ran> {
  return new Promise((resolve) => {
    const options = {
      env: { PATH: process.env['PATH'], HOME: home, KUBECACHEDIR: join(home, 'cache') },
      maxBuffer: 64 * 1024 * 1024,
      timeout: 60_000,
    };
    const child = execFile(program, [...args], options, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? -1), stdout, stderr });
    });
    child.stdin!.end(input ?? '');
  });
}
