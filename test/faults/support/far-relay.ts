/** Runs on the remote host: a TCP port there that leads to a Unix socket, which network namespaces share. */
import { connect, createServer } from 'node:net';

const [host = '', port = '0', path = ''] = process.argv.slice(2);

const server = createServer((client) => {
  const target = connect(path);
  client.on('error', () => target.destroy()).on('close', () => target.destroy());
  target.on('error', () => client.destroy()).on('close', () => client.destroy());
  client.pipe(target).pipe(client);
});
server.listen(Number(port), host, () => process.stdout.write('listening\n'));
