/**
 * What brokers say about topics, one topic's answer never spoiled by another's: kafkajs asks for all topics of a
 * cluster where it was told of none, and throws the whole answer away for one partition without leader. So its cluster
 * object is used underneath, which its types do not offer, and the answer is read here: version 8 of it also says which
 * rights the asker has.
 */
import type { Kafka } from 'kafkajs';

const METADATA_KEY = 3;
const METADATA_VERSION = 8;
const CREATE_CLUSTER = 'private:Kafka:createCluster';
const TOPIC_RESOURCE = 2;
/** Codes of AclOperation: the bits of an answer. */
const OPERATIONS = { read: 3, write: 4 } as const;
const NO_ERROR = 0;
const RIGHTS_UNKNOWN = -0x8000_0000;

export interface TopicDescription {
  readonly topic: string;
  /** Of the topic: Kafka's code, 0 for none. */
  readonly errorCode: number;
  readonly partitions: readonly { readonly leader: number; readonly replicas: readonly number[] }[];
  readonly mayRead: boolean;
  readonly mayWrite: boolean;
}

export interface ClusterDescription {
  readonly brokerCount: number;
  readonly topics: readonly TopicDescription[];
}

export interface TopicCreation {
  readonly topic: string;
  readonly numPartitions: number;
  readonly replicationFactor: number;
  readonly configEntries: readonly { readonly name: string; readonly value: string }[];
}

export class TopicCluster {
  private readonly cluster: ClusterInternals;

  constructor(kafka: Kafka) {
    const key = Object.getOwnPropertySymbols(kafka).find(({ description }) => description === CREATE_CLUSTER);
    if (key === undefined) throw new Error('this version of kafkajs is not known');
    this.cluster = (kafka as unknown as Record<symbol, (options: object) => ClusterInternals>)[key]?.({}) as never;
  }

  async connect(): Promise<void> {
    await this.cluster.connect();
  }

  async disconnect(): Promise<void> {
    await this.cluster.disconnect();
  }

  describe(topics: readonly string[]): Promise<ClusterDescription> {
    return this.broker.connectionPool.send({
      request: {
        apiKey: METADATA_KEY,
        apiVersion: METADATA_VERSION,
        apiName: 'Metadata',
        encode: async () => encodeMetadata(topics),
      },
      response: {
        decode: async (payload: Buffer) => decodeMetadata(new Reader(payload)),
        parse: async (description: ClusterDescription) => description,
      },
    });
  }

  /** Rejects where the topic exists. */
  async create(creation: TopicCreation): Promise<void> {
    await this.broker.createTopics({ topics: [creation] });
  }

  /** Values by name. Rejects where the asker may not see them. */
  async settings(topic: string, configNames: readonly string[]): Promise<Map<string, string>> {
    const { resources } = await this.broker.describeConfigs({
      resources: [{ type: TOPIC_RESOURCE, name: topic, configNames: [...configNames] }],
    });
    return new Map(resources[0]?.configEntries.map(({ configName, configValue }) => [configName, configValue]));
  }

  /** Any broker answers for all: what is for the controller is passed on to it. */
  private get broker(): BrokerInternals {
    return this.cluster.brokerPool.seedBroker;
  }
}

function decodeMetadata(reader: Reader): ClusterDescription {
  reader.int32(); // Throttle time.
  const brokers = reader.array(() => {
    reader.int32();
    reader.string();
    reader.int32();
    reader.string();
  });
  reader.string(); // Cluster.
  reader.int32(); // Controller.
  const topics = reader.array(() => decodeTopic(reader));
  return { brokerCount: brokers.length, topics };
}

function decodeTopic(reader: Reader): TopicDescription {
  const errorCode = reader.int16();
  const topic = reader.string();
  reader.boolean(); // Internal.
  const nodes = () => reader.array(() => reader.int32());
  const partitions = reader.array(() => {
    reader.int16(); // Its error: no leader is one of them.
    reader.int32(); // Its number.
    const leader = reader.int32();
    reader.int32(); // Leader epoch.
    const replicas = nodes();
    nodes(); // In sync.
    nodes(); // Offline.
    return { leader, replicas };
  });
  const rights = reader.int32();
  const may = (operation: number) =>
    errorCode !== NO_ERROR || rights === RIGHTS_UNKNOWN || (rights & (1 << operation)) !== 0;
  return { topic, errorCode, partitions, mayRead: may(OPERATIONS.read), mayWrite: may(OPERATIONS.write) };
}

interface ClusterInternals {
  readonly brokerPool: { readonly seedBroker: BrokerInternals };
  connect(): Promise<void>;
  disconnect(): Promise<void>;
}

interface BrokerInternals {
  readonly connectionPool: { send<T>(exchange: { request: object; response: object }): Promise<T> };
  createTopics(request: { topics: readonly TopicCreation[] }): Promise<unknown>;
  describeConfigs(request: {
    resources: readonly { type: number; name: string; configNames: string[] }[];
  }): Promise<{ resources: { configEntries: { configName: string; configValue: string }[] }[] }>;
}

/** As kafkajs's requests are written: it takes what looks like its encoder. */
function encodeMetadata(topics: readonly string[]): { readonly buf: Buffer; readonly buffer: Buffer } {
  const count = Buffer.alloc(4);
  count.writeInt32BE(topics.length);
  const names = topics.map((topic) => {
    const name = Buffer.from(topic);
    const length = Buffer.alloc(2);
    length.writeInt16BE(name.length);
    return Buffer.concat([length, name]);
  });
  // No topic is created by asking, the rights on the cluster are not of interest, those on the topics are.
  const flags = Buffer.from([0, 0, 1]);
  const buffer = Buffer.concat([count, ...names, flags]);
  return { buf: buffer, buffer };
}

class Reader {
  private readonly bytes: Buffer;
  private offset = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  int16(): number {
    this.offset += 2;
    return this.bytes.readInt16BE(this.offset - 2);
  }

  int32(): number {
    this.offset += 4;
    return this.bytes.readInt32BE(this.offset - 4);
  }

  boolean(): boolean {
    this.offset += 1;
    return this.bytes.readInt8(this.offset - 1) !== 0;
  }

  /** Empty where it is null. */
  string(): string {
    const length = Math.max(0, this.int16());
    this.offset += length;
    return this.bytes.toString('utf8', this.offset - length, this.offset);
  }

  array<T>(read: () => T): T[] {
    return Array.from({ length: Math.max(0, this.int32()) }, read);
  }
}
