// Schedules with the functions of the WIT world: payloads as JSON values, field errors as maps.
import scheduler from 'alga:extension/scheduler';
import type { SchedulerHost } from '../host.ts';
import type { CreateScheduleResult, EndpointInfo, FieldErrors, ScheduleInfo, UpdateScheduleInput, UpdateScheduleResult } from '../types.ts';
import { attempt, optionalFlag, optionalText, readJson, text } from './calls.ts';

type Wire<T> = Omit<T, 'fieldErrors'> & { fieldErrors?: string | null };

const payloadText = (payload: unknown): string | null =>
  payload == null ? null : typeof payload === 'string' ? payload : JSON.stringify(payload);

const info = (wire: ScheduleInfo): ScheduleInfo => ({ ...wire, payload: readJson(wire.payload as string | null | undefined) });

export function withFieldErrors<T extends { fieldErrors?: string | null }>(wire: T): Omit<T, 'fieldErrors'> & { fieldErrors: FieldErrors | null } {
  return { ...wire, fieldErrors: readJson(wire.fieldErrors) as FieldErrors | null };
}

const settings = (input: UpdateScheduleInput) => ({
  timezone: optionalText(input.timezone, 'timezone'),
  enabled: optionalFlag(input.enabled, 'enabled'),
  name: optionalText(input.name, 'name'),
});

export const schedulerHost: SchedulerHost = {
  async list() {
    return (attempt('scheduler.list', () => scheduler['listSchedules']!()) as ScheduleInfo[]).map(info);
  },
  async get(id) {
    const found = attempt('scheduler.get', () => scheduler['getSchedule']!(text(id, 'id'))) as ScheduleInfo | null | undefined;
    return found == null ? null : info(found);
  },
  async create(input) {
    const wire = {
      endpoint: text(input.endpoint, 'endpoint'),
      cron: text(input.cron, 'cron'),
      ...settings(input),
      payload: payloadText(input.payload),
    };
    return withFieldErrors(attempt('scheduler.create', () => scheduler['createSchedule']!(wire)) as Wire<CreateScheduleResult>);
  },
  async update(id, input) {
    const wire = {
      endpoint: optionalText(input.endpoint, 'endpoint'),
      cron: optionalText(input.cron, 'cron'),
      ...settings(input),
      payload: input.payload === null ? '' : payloadText(input.payload),
    };
    return withFieldErrors(attempt('scheduler.update', () => scheduler['updateSchedule']!(text(id, 'id'), wire)) as Wire<UpdateScheduleResult>);
  },
  async delete(id) {
    return attempt('scheduler.delete', () => scheduler['deleteSchedule']!(text(id, 'id')));
  },
  async getEndpoints() {
    return attempt('scheduler.getEndpoints', () => scheduler['getEndpoints']!()) as EndpointInfo[];
  },
};
