import { call, client, fetchRaw } from './client'
import type { Metadata } from './model'

/** Uploads one file in a single request; for small ones. Throws a Problem. */
export async function uploadWhole(file: File): Promise<Metadata> {
  return await call(
    client.POST('/api/v1/sources/csv/upload', {
      body: { file: file as unknown as string },
      bodySerializer: ({ file: content }) => {
        const form = new FormData()
        form.append('file', content as unknown as File)
        return form
      },
    }),
  )
}

/** Uploads the sample that comes with the portal: 600 orders with a few bad values. */
export async function uploadSample(): Promise<Metadata> {
  const response = await fetchRaw('/samples/sample-orders.csv')
  return await uploadWhole(new File([await response.blob()], 'sample-orders.csv', { type: 'text/csv' }))
}
