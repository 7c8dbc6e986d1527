/** The protocols that `sallyport connect` knows: a literal list. */
import type { ClientAdapter } from './client.ts';
import { httpClient } from './http.ts';
import { kubernetesClient } from './kubernetes.ts';
import { postgresClient } from './postgres.ts';
import { sshClient } from './ssh.ts';

export const clientAdapters: readonly ClientAdapter[] = [postgresClient, sshClient, httpClient, kubernetesClient];

export function clientAdapterOf(protocol: string): ClientAdapter | null {
  return clientAdapters.find((adapter) => adapter.protocol === protocol) ?? null;
}
