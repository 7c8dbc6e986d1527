/**
 * An API server in a process of its own, for whoever started it with a channel (`demo/cluster.ts`): the real cluster where its
 * programs are built, the stand-in otherwise. It tells where it is, and ends when the channel does or at SIGTERM.
 */
import { startCluster } from './cluster.ts';
import { clusterPrograms, missing } from './programs.ts';
import { startStandIn } from './stand-in.ts';

const isReal = missing(clusterPrograms) === null;
const server = isReal ? await startCluster() : await startStandIn();

let isStopping = false;
const stop = async (): Promise<void> => {
  if (isStopping) return;
  isStopping = true;
  await server.stop();
  process.exit(0);
};
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => void stop());
process.once('disconnect', () => void stop());

const { port, ca, adminToken, impersonatorToken } = server;
process.send?.({ port, ca, adminToken, impersonatorToken, isReal });
// Whoever started it has ended meanwhile.
if (!process.connected) await stop();
