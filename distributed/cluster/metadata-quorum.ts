/**
 * The quorum that keeps the metadata of a Kafka cluster, as one of its brokers tells it (DescribeQuorum, which kafkajs does
 * not have): who leads it, and how far each voter's log goes. Asked over a connection of its own.
 */
import { once } from 'node:events';
import { connect } from 'node:net';

const API_KEY = 55;
const TOPIC = '__cluster_metadata';
const ANSWER_MS_MAX = 3_000;
const SIZE_BYTES = 4;

export interface MetadataQuorum {
  readonly leader: number;
  readonly epoch: number;
  /** What a majority has. */
  readonly highWatermark: number;
  /** By node. */
  readonly logEnds: ReadonlyMap<number, number>;
}

/** Rejects where the broker does not answer, or nobody leads. */
export async function readQuorum(port: number): Promise<MetadataQuorum> {
  const socket = connect({ host: '127.0.0.1', port });
  socket.setTimeout(ANSWER_MS_MAX, () => socket.destroy(new Error('no answer in time')));
  try {
    await once(socket, 'connect');
    socket.write(request());
    let answer = Buffer.alloc(0);
    for await (const bytes of socket) {
      answer = Buffer.concat([answer, bytes as Buffer]);
      const size = answer.length < SIZE_BYTES ? Number.POSITIVE_INFINITY : answer.readInt32BE(0);
      if (answer.length >= SIZE_BYTES + size) return quorumOf(answer);
    }
    throw new Error('the broker hung up');
  } finally {
    socket.destroy();
  }
}

/** Version 0, in the compact encoding: lengths are one more than they say, and each structure ends in no tags. */
function request(): Buffer {
  const header = Buffer.from([0, API_KEY, 0, 0, 0, 0, 0, 1, 0xff, 0xff, 0]);
  const topic = Buffer.concat([Buffer.from([2, TOPIC.length + 1]), Buffer.from(TOPIC)]);
  const partition = Buffer.from([2, 0, 0, 0, 0, 0, 0, 0]);
  const body = Buffer.concat([header, topic, partition]);
  const size = Buffer.alloc(SIZE_BYTES);
  size.writeInt32BE(body.length);
  return Buffer.concat([size, body]);
}

function quorumOf(answer: Buffer): MetadataQuorum {
  // Size, number of the request, no tags.
  let at = SIZE_BYTES + 4 + 1;
  const number = (bytes: 2 | 4 | 8): number => {
    const value = bytes === 8 ? Number(answer.readBigInt64BE(at)) : answer.readIntBE(at, bytes);
    at += bytes;
    return value;
  };
  const refuse = (code: number) => {
    if (code !== 0) throw new Error(`the broker does not know the quorum: error ${code}`);
  };
  refuse(number(2));
  // One topic, its name, one partition, its number.
  at += 1;
  at += answer.readUInt8(at) + 1 + 4;
  refuse(number(2));
  const leader = number(4);
  const epoch = number(4);
  const highWatermark = number(8);
  const voters = answer.readUInt8(at) - 1;
  at += 1;
  const logEnds = new Map<number, number>();
  for (let voter = 0; voter < voters; voter++) {
    const node = number(4);
    logEnds.set(node, number(8));
    at += 1;
  }
  return { leader, epoch, highWatermark, logEnds };
}
