import type { Api } from '.'
import type { paths } from './generated/hq'
import type { Answer, Query } from './typed'

/** HQ's addresses that the desk reads. */

export type StoresAnswer = Answer<paths, '/api/v1/sync/stores'>
export type StoreLine = StoresAnswer['items'][number]
export type SalesReport = Answer<paths, '/api/v1/reports/sales'>
export type SalesQuery = Query<paths, '/api/v1/reports/sales'>

export async function readStores(api: Api, signal?: AbortSignal): Promise<StoresAnswer> {
  return (await api.signed({ method: 'GET', path: '/api/v1/sync/stores', signal })) as StoresAnswer
}

export async function readSales(api: Api, query: SalesQuery, signal?: AbortSignal): Promise<SalesReport> {
  return (await api.signed({ method: 'GET', path: '/api/v1/reports/sales', query, signal })) as SalesReport
}
