/**
 * The provisioning files against what Grafana documents of them: an unknown field is one that Grafana would silently pass
 * over. And against their surroundings: the places that the compose file mounts, the service that it names.
 * Source: https://grafana.com/docs/grafana/v12.1/administration/provisioning
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { DASHBOARD_FOLDER } from '../../../artefacts/grafana/all-dashboards.ts';
import { COMPOSE_FILE } from '../../../distributed/compose/compose-project.ts';
import { projectRoot } from '../../../distributed/stack/process/project-root.ts';

const PROVISIONING_FOLDER = 'grafana/provisioning';
/** Where Grafana's image looks for them. */
const PROVISIONING_MOUNT = '/etc/grafana/provisioning';
const duration = z.string().regex(/^\d+(ms|s|m|h)$/);

/** Settings of a Prometheus data source, as far as they are documented as stable. */
const prometheusSettings = z.strictObject({
  httpMethod: z.enum(['GET', 'POST']).optional(),
  timeInterval: duration.optional(),
  queryTimeout: duration.optional(),
  timeout: z.number().optional(),
  customQueryParameters: z.string().optional(),
  manageAlerts: z.boolean().optional(),
  alertmanagerUid: z.string().optional(),
  prometheusType: z.enum(['Prometheus', 'Cortex', 'Mimir', 'Thanos']).optional(),
  prometheusVersion: z.string().optional(),
  cacheLevel: z.enum(['Low', 'Medium', 'High', 'None']).optional(),
  disableRecordingRules: z.boolean().optional(),
  keepCookies: z.array(z.string()).optional(),
  serverName: z.string().optional(),
  tlsAuth: z.boolean().optional(),
  tlsAuthWithCACert: z.boolean().optional(),
  tlsSkipVerify: z.boolean().optional(),
});

const datasourcesFile = z.strictObject({
  apiVersion: z.literal(1),
  prune: z.boolean().optional(),
  deleteDatasources: z.array(z.strictObject({ name: z.string(), orgId: z.int().optional() })).optional(),
  datasources: z.array(
    z.strictObject({
      name: z.string().min(1),
      type: z.literal('prometheus'),
      access: z.enum(['proxy', 'direct']),
      orgId: z.int().optional(),
      uid: z.string().regex(/^[a-zA-Z0-9_-]{1,40}$/),
      url: z.url(),
      basicAuth: z.boolean().optional(),
      basicAuthUser: z.string().optional(),
      withCredentials: z.boolean().optional(),
      isDefault: z.boolean().optional(),
      jsonData: prometheusSettings.optional(),
      secureJsonData: z.record(z.string(), z.string()).optional(),
      version: z.int().optional(),
      editable: z.boolean().optional(),
    }),
  ),
});

const dashboardsFile = z.strictObject({
  apiVersion: z.literal(1),
  providers: z.array(
    z.strictObject({
      name: z.string().min(1),
      orgId: z.int().optional(),
      folder: z.string().optional(),
      folderUid: z.string().optional(),
      type: z.literal('file'),
      disableDeletion: z.boolean().optional(),
      updateIntervalSeconds: z.int().positive().optional(),
      allowUiUpdates: z.boolean().optional(),
      options: z.strictObject({ path: z.string(), foldersFromFilesStructure: z.boolean().optional() }),
    }),
  ),
});

const read = (file: string): unknown => parse(readFileSync(join(projectRoot(), file), 'utf8'));
const datasources = () => datasourcesFile.parse(read(`${PROVISIONING_FOLDER}/datasources/prometheus.yml`)).datasources;
const providers = () => dashboardsFile.parse(read(`${PROVISIONING_FOLDER}/dashboards/dashboards.yml`)).providers;
const compose = () =>
  z
    .object({ services: z.record(z.string(), z.object({ volumes: z.array(z.string()).optional() })) })
    .parse(read(COMPOSE_FILE));

test('the data source is as Grafana documents it, with the scrape interval of Prometheus', () => {
  const { global } = read('prometheus/prometheus.yml') as { global: { scrape_interval: string } };
  expect(datasources()).toMatchObject([{ isDefault: true, jsonData: { timeInterval: global.scrape_interval } }]);
});

test('its address is a service of the compose file', () => {
  const services = Object.keys(compose().services);
  for (const { url } of datasources()) expect(services).toContain(new URL(url).hostname);
});

test('the dashboards are as Grafana documents it, and changes in the browser are refused instead of lost', () => {
  expect(providers()).toMatchObject([{ allowUiUpdates: false, disableDeletion: true }]);
});

test('the compose file mounts both where Grafana looks for them', () => {
  const mounts = (compose().services['grafana']?.volumes ?? []).map((volume) => volume.split(':'));
  const inContainer = new Map(mounts.map(([source, target]) => [source, target]));
  expect(inContainer.get(`./${PROVISIONING_FOLDER}`)).toBe(PROVISIONING_MOUNT);
  expect(providers().map(({ options }) => options.path)).toEqual([inContainer.get(`./${DASHBOARD_FOLDER}`)]);
});

test('a field that Grafana does not know is found', () => {
  const file = read(`${PROVISIONING_FOLDER}/dashboards/dashboards.yml`) as { providers: object[] };
  const misspelt = { ...file, providers: file.providers.map((one) => ({ ...one, updateIntervalSecond: 10 })) };
  expect(() => dashboardsFile.parse(misspelt)).toThrow(/updateIntervalSecond/);
});
