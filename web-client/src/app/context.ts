import { inject, type InjectionKey } from 'vue'
import type { Api } from '@/api'
import type { Config } from './config'

/** What every screen may ask for. */
export interface Context {
  api: Api
  config: Config
}

export const CONTEXT: InjectionKey<Context> = Symbol('context')

export function useContext(): Context {
  const context = inject(CONTEXT)
  if (!context) throw new Error('no context: the application was not started by main.ts')
  return context
}
