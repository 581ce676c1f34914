import { describe, expect, it } from 'vitest'
import { parseConfig } from './config'

describe('config.json', () => {
  it('says which desk this is', () => {
    expect(parseConfig({ mode: 'store', api_url: 'https://shop/', store_code: 'ST01' })).toEqual({
      mode: 'store',
      apiUrl: 'https://shop',
      storeCode: 'ST01',
      storeName: null,
    })
  })

  it('without a known desk is no configuration', () => {
    for (const bad of [null, 'hq', {}, { mode: 'kitchen' }, { mode: 7 }]) expect(parseConfig(bad)).toBeNull()
  })
})
