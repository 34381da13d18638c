/** What all dashboards have alike: fixed uid, links to each other, variables, annotations of firing alerts. */
import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import {
  AnnotationQueryBuilder,
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  type Panel,
  QueryVariableBuilder,
  RowBuilder,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { DATASOURCE } from './panels.ts';

const TAG = 'essay-lifecycle-service';
const ALL = { selected: true, text: 'All', value: '$__all' };

export interface DashboardRow {
  readonly title: string;
  readonly panels: readonly Builder<Panel>[];
}

export interface DashboardWords {
  /** Part of URLs and of the file name: never changed. */
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly rows: readonly DashboardRow[];
  /** Beside datasource, instance, namespace and cluster. */
  readonly choices?: readonly ('topic' | 'scenario')[];
}

export function frame({ uid, title, description, rows, choices = [] }: DashboardWords): DashboardBuilder {
  const dashboard = new DashboardBuilder(`ELS ${title}`)
    .uid(uid)
    .description(description)
    .tags([TAG])
    .timezone('browser')
    .time({ from: 'now-30m', to: 'now' })
    .refresh('5s')
    .tooltip(DashboardCursorSync.Crosshair)
    .readonly()
    .link(
      new DashboardLinkBuilder('ELS').type(DashboardLinkType.Dashboards).tags([TAG]).asDropdown(true).keepTime(true),
    )
    .withVariable(new DatasourceVariableBuilder('datasource').label('Data source').type('prometheus'))
    .withVariable(choice('instance', 'Instance', 'label_values(els_build_info, instance)'))
    .withVariable(choice('namespace', 'Namespace', 'label_values(els_build_info, namespace)'))
    .withVariable(choice('cluster', 'Cluster', 'label_values(els_build_info, cluster)'))
    .annotation(
      annotation('Firing alerts', 'ALERTS{alertstate="firing", alertname=~"Els.*"}', {
        titleFormat: '{{alertname}}',
        iconColor: 'red',
      }),
    );
  if (choices.includes('topic')) {
    dashboard.withVariable(choice('topic', 'Topic', 'label_values(els_consumer_lag, topic)'));
  }
  if (choices.includes('scenario')) {
    dashboard.withVariable(choice('scenario', 'Scenario', 'label_values(els_run_phase, scenario)'));
  }
  let panelId = 1;
  for (const row of rows) {
    dashboard.withRow(new RowBuilder(row.title).id(panelId));
    panelId += 1;
    for (const panel of row.panels) {
      dashboard.withPanel(numbered(panel, panelId));
      panelId += 1;
    }
  }
  return dashboard;
}

export function annotation(
  name: string,
  expr: string,
  look: { readonly titleFormat: string; readonly iconColor: string },
): AnnotationQueryBuilder {
  return new AnnotationQueryBuilder()
    .name(name)
    .datasource(DATASOURCE)
    .enable(true)
    .iconColor(look.iconColor)
    .expr(expr)
    .titleFormat(look.titleFormat)
    .step('5s');
}

/** All of what is there unless somebody chooses. `.*` also finds series without the label. */
function choice(name: string, label: string, query: string): QueryVariableBuilder {
  return new QueryVariableBuilder(name)
    .label(label)
    .datasource(DATASOURCE)
    .query(query)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.NaturalAsc)
    .multi(true)
    .includeAll(true)
    .allValue('.*')
    .current(ALL);
}

/** Ids by place, so that a dashboard generated twice is the same. */
function numbered(panel: Builder<Panel>, id: number): Builder<Panel> {
  return { build: () => ({ ...panel.build(), id }) };
}
