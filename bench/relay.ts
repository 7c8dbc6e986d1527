/** A plain TCP proxy: `node bench/relay.ts PORT HOST PORT`. Two sockets, piped; the least a proxy in Node can do. */
import { connect, createServer } from 'node:net';

const [port, host, target] = process.argv.slice(2);

createServer({ noDelay: true }, (client) => {
  const upstream = connect({ host: host ?? '127.0.0.1', port: Number(target), noDelay: true });
  client.pipe(upstream).pipe(client);
  client.on('error', () => upstream.destroy());
  upstream.on('error', () => client.destroy());
}).listen(Number(port), '127.0.0.1');
