/** Whether somebody takes a connection there within the limit. */
import { connect } from 'node:net';

export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

export function accepts({ host, port }: Endpoint, limitMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: limitMs });
    const settle = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => settle(true));
    socket.once('timeout', () => settle(false));
    socket.once('error', () => settle(false));
  });
}
