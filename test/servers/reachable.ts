/** Whether a server that was started takes connections yet. */
import { once } from 'node:events';
import { connect } from 'node:net';

export async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
