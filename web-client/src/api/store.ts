import type { Api } from '.'
import type { paths } from './generated/store'
import type { Answer, Query } from './typed'

/** A store's addresses that its desk reads. */

export type SyncStatus = Answer<paths, '/api/v1/sync/status'>
export type SalesReport = Answer<paths, '/api/v1/reports/sales'>
export type SalesQuery = Query<paths, '/api/v1/reports/sales'>

export async function readSyncStatus(api: Api, signal?: AbortSignal): Promise<SyncStatus> {
  return (await api.signed({ method: 'GET', path: '/api/v1/sync/status', signal })) as SyncStatus
}

export async function readSales(api: Api, query: SalesQuery, signal?: AbortSignal): Promise<SalesReport> {
  return (await api.signed({ method: 'GET', path: '/api/v1/reports/sales', query, signal })) as SalesReport
}
