// A headless Chromium that does what a person would with a page, for tests of pages:
//
//     node browser.mjs PAGE.html < STEPS
//
// Steps are lines; what they find goes to stdout, one JSON value a line:
//
//     press KEY [TIMES]      a key, such as Tab, Shift+Tab, Enter, ArrowDown, Escape, Space
//     type TEXT              the text, key by key, where the focus is
//     move SELECTOR          the mouse to the middle of an element, which is scrolled into view
//     click SELECTOR         the same, and a click
//     eval EXPRESSION        prints its value, awaited where it is a promise
//     until EXPRESSION       waits until it is true
//     assert EXPRESSION      fails where it is not
//     scheme light|dark      what the page takes the person to prefer; light at first
//     size WIDTHxHEIGHT      of the window in CSS pixels; 1280x800 at first
//     screenshot FILE        a PNG of what the window shows
//     tree                   prints what assistive technology is told: an object for each node that
//                            is not ignored, with its role, name, description and properties
//     contrast               prints {ratio, text, element} of the text shown that has the least
//                            contrast to what is behind it, by WCAG 2's formula
//     reload                 the page from the start
//
// Empty lines and those that begin with # are passed over. A step that fails ends it with status 1.
// So do, at the end, an exception that nothing caught, an error on the console, a violation of the
// page's policy, and whatever the page asked for beside itself. It all may take $DEADLINE seconds
// (default 90). Chromium has a process group and a folder of its own; both go with this program, and
// should it be killed, Chromium ends with the pipe to it.
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

const KEYS = {
    Tab: 9, Enter: 13, Escape: 27, Space: 32, PageUp: 33, PageDown: 34, End: 35, Home: 36,
    ArrowLeft: 37, ArrowUp: 38, ArrowRight: 39, ArrowDown: 40, Backspace: 8, Delete: 46,
}
const TEXT_OF_KEYS = { Enter: '\r', Space: ' ' }
const MODIFIERS = { Alt: 1, Control: 2, Meta: 4, Shift: 8 }

class Chromium {
    #requests = new Map()
    #listeners = []
    #last = 0
    #received = ''

    constructor(folder) {
        this.process = spawn(process.env.CHROMIUM ?? 'chromium', [
            '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
            '--disable-background-networking', '--disable-component-update', '--disable-sync',
            '--disable-breakpad', '--disable-dev-shm-usage', '--hide-scrollbars', '--mute-audio',
            '--host-resolver-rules=MAP * ~NOTFOUND', `--user-data-dir=${folder}`,
            '--remote-debugging-pipe', 'about:blank',
        ], {
            detached: true,
            env: { ...process.env, HOME: folder, TMPDIR: folder },
            stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'],
        })
        this.said = ''
        this.process.stderr.on('data', data => { this.said = (this.said + data).slice(-2000) })
        this.process.on('error', error => this.#fail(error))
        this.process.on('exit', () => this.#fail(new Error(`Chromium ended: ${this.said}`)))
        this.process.stdio[3].on('error', () => {})
        this.process.stdio[4].setEncoding('utf8').on('data', data => this.#receive(data))
    }

    on(listener) {
        this.#listeners.push(listener)
    }

    send(method, params = {}) {
        const id = ++this.#last
        const message = { id, method, params, sessionId: this.session }
        return new Promise((resolve, reject) => {
            this.#requests.set(id, { resolve, reject, method })
            this.process.stdio[3].write(`${JSON.stringify(message)}\0`)
        })
    }

    end() {
        try {
            process.kill(-this.process.pid, 'SIGKILL')
        } catch {
            // gone already, or never there
        }
    }

    // Messages end with a NUL.
    #receive(data) {
        const parts = (this.#received + data).split('\0')
        this.#received = parts.pop()
        for (const part of parts) {
            const message = JSON.parse(part)
            const request = this.#requests.get(message.id)
            this.#requests.delete(message.id)
            if (request === undefined) this.#listeners.forEach(listener => listener(message))
            else if (message.error) request.reject(new Error(`${request.method}: ${message.error.message}`))
            else request.resolve(message.result)
        }
    }

    #fail(error) {
        for (const request of this.#requests.values()) request.reject(error)
        this.#requests.clear()
    }
}

// What runs in the page: the text shown that has the least contrast to its background.
function leastContrast() {
    const channels = colour => {
        const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true })
        canvas.fillStyle = colour
        canvas.fillRect(0, 0, 1, 1)
        const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data
        return { rgb: [r, g, b], alpha: a / 255 }
    }
    const over = (front, alpha, back) => front.map((value, i) => value * alpha + back[i] * (1 - alpha))
    const luminance = rgb => {
        const [r, g, b] = rgb.map(value => value / 255)
            .map(value => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4)
        return 0.2126 * r + 0.7152 * g + 0.0722 * b
    }
    const behind = element => {
        if (element === null) {
            return matchMedia('(prefers-color-scheme: dark)').matches ? [18, 18, 18] : [255, 255, 255]
        }
        const { rgb, alpha } = channels(getComputedStyle(element).backgroundColor)
        return alpha === 1 ? rgb : over(rgb, alpha, behind(element.parentElement))
    }
    let least = { ratio: 21, text: '', element: '' }
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
    while (walker.nextNode()) {
        const text = walker.currentNode.data.trim()
        const element = walker.currentNode.parentElement
        if (text === '' || !element.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue
        if (element.closest('script, style, .unseen')) continue
        const style = getComputedStyle(element)
        const back = behind(element)
        const { rgb, alpha } = channels(element instanceof SVGElement ? style.fill : style.color)
        const [dark, bright] = [luminance(over(rgb, alpha, back)), luminance(back)].sort((a, b) => a - b)
        const ratio = (bright + 0.05) / (dark + 0.05)
        if (ratio < least.ratio) {
            const name = element.tagName + (element.className ? `.${element.getAttribute('class')}` : '')
            least = { ratio: Math.round(ratio * 100) / 100, text: text.slice(0, 60), element: name }
        }
    }
    return least
}

class Page {
    complaints = []
    #media = 'light'

    constructor(chromium, url) {
        this.chromium = chromium
        this.url = url
        chromium.on(({ method, params }) => this.#watch(method, params))
    }

    // What a page should give no cause for.
    #watch(method, params) {
        const complain = text => this.complaints.push(text)
        if (method === 'Runtime.exceptionThrown') {
            const { exception, text } = params.exceptionDetails
            complain(`uncaught: ${exception?.description ?? text}`)
        } else if (method === 'Runtime.consoleAPICalled' && params.type === 'error') {
            complain(`console: ${params.args.map(value => value.value ?? value.description).join(' ')}`)
        } else if (method === 'Log.entryAdded' && params.entry.level === 'error') {
            complain(`${params.entry.source}: ${params.entry.text}`)
        } else if (method === 'Network.requestWillBeSent' && params.request.url !== this.url) {
            complain(`the page asked for ${params.request.url}`)
        } else if (method === 'Page.loadEventFired') {
            this.loaded?.()
        }
    }

    async open() {
        const { send } = this
        const { targetId } = await send('Target.createTarget', { url: 'about:blank' })
        const { sessionId } = await send('Target.attachToTarget', { targetId, flatten: true })
        this.chromium.session = sessionId
        for (const domain of ['Page', 'Runtime', 'Log', 'Network', 'Accessibility']) await send(`${domain}.enable`)
        await send('Emulation.setFocusEmulationEnabled', { enabled: true })
        await this.size('1280x800')
        await this.scheme('light')
        await this.reload()
    }

    send = (method, params) => this.chromium.send(method, params)

    async reload() {
        const loaded = new Promise(resolve => { this.loaded = resolve })
        const { errorText } = await this.send('Page.navigate', { url: this.url })
        if (errorText) throw new Error(`${this.url}: ${errorText}`)
        await loaded
    }

    async value(expression) {
        const { result, exceptionDetails } = await this.send('Runtime.evaluate', {
            expression, returnByValue: true, awaitPromise: true,
        })
        if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text)
        return result.value
    }

    async scheme(value) {
        if (!['light', 'dark'].includes(value)) throw new Error(`no colour scheme: ${value}`)
        await this.send('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value }] })
    }

    async size(text) {
        const [width, height] = text.split('x').map(Number)
        await this.send('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: false })
    }

    async press(text) {
        const [combination, times = 1] = text.split(' ')
        const names = combination.split('+')
        const name = names.pop()
        const modifiers = names.reduce((sum, modifier) => sum | MODIFIERS[modifier], 0)
        if (!(name in KEYS)) throw new Error(`no key: ${name}`)
        const key = { key: name === 'Space' ? ' ' : name, code: name, windowsVirtualKeyCode: KEYS[name], modifiers }
        for (let i = 0; i < times; i++) {
            await this.send('Input.dispatchKeyEvent', { ...key, type: 'keyDown', text: TEXT_OF_KEYS[name] })
            await this.send('Input.dispatchKeyEvent', { ...key, type: 'keyUp' })
        }
    }

    async type(text) {
        for (const key of text) {
            await this.send('Input.dispatchKeyEvent', { type: 'keyDown', key, text: key })
            await this.send('Input.dispatchKeyEvent', { type: 'keyUp', key })
        }
    }

    async move(selector) {
        const place = await this.value(`(() => {
            const element = document.querySelector(${JSON.stringify(selector)})
            element?.scrollIntoView({ block: 'center', behavior: 'instant' })
            const box = element?.getBoundingClientRect()
            return box && { x: box.x + box.width / 2, y: box.y + box.height / 2 }
        })()`)
        if (!place) throw new Error(`no such element: ${selector}`)
        await this.send('Input.dispatchMouseEvent', { type: 'mouseMoved', ...place })
        return place
    }

    async click(selector) {
        const click = { ...await this.move(selector), button: 'left', clickCount: 1 }
        await this.send('Input.dispatchMouseEvent', { type: 'mousePressed', ...click })
        await this.send('Input.dispatchMouseEvent', { type: 'mouseReleased', ...click })
    }

    async eval(expression) {
        print(await this.value(expression) ?? null)
    }

    // The deadline of the whole ends it where this never holds.
    async until(expression) {
        waitingFor = expression
        while (!await this.value(expression)) await new Promise(resolve => setTimeout(resolve, 20))
        waitingFor = ''
    }

    async assert(expression) {
        if (!await this.value(expression)) throw new Error('it is not so')
    }

    async screenshot(file) {
        const { data } = await this.send('Page.captureScreenshot', { format: 'png' })
        writeFileSync(file, Buffer.from(data, 'base64'))
    }

    async tree() {
        const { nodes } = await this.send('Accessibility.getFullAXTree')
        for (const node of nodes.filter(node => !node.ignored)) {
            const properties = (node.properties ?? []).map(({ name, value }) => [name, value.value])
            print({
                role: node.role.value, name: node.name?.value, description: node.description?.value,
                value: node.value?.value, ...Object.fromEntries(properties),
            })
        }
    }

    async contrast() {
        print(await this.value(`(${leastContrast})()`))
    }
}

const STEPS = ['press', 'type', 'move', 'click', 'eval', 'until', 'assert', 'scheme', 'size', 'screenshot', 'tree',
    'contrast', 'reload']
let waitingFor = ''

function print(value) {
    console.log(JSON.stringify(value))
}

async function run(page, lines) {
    for (const line of lines) {
        const [, name, rest] = /^\s*(\S*)\s*(.*?)\s*$/.exec(line)
        if (name === '' || name.startsWith('#')) continue
        if (!STEPS.includes(name)) throw new Error(`no such step: ${name}`)
        try {
            await page[name](rest)
        } catch (error) {
            throw new Error(`${line.trim()}: ${error.message}`)
        }
    }
    if (page.complaints.length > 0) throw new Error(page.complaints.join('\n'))
}

const seconds = Number(process.env.DEADLINE ?? 90)
const folder = mkdtempSync(join(process.env.BATS_TEST_TMPDIR ?? tmpdir(), 'chromium-'))
const chromium = new Chromium(folder)

function finish(error) {
    if (error) console.error(`browser: ${error.message}`)
    chromium.process.removeAllListeners('exit').on('exit', () => process.exit(error ? 1 : 0))
    chromium.end()
    if (chromium.process.exitCode !== null || chromium.process.pid === undefined) process.exit(1)
}

process.on('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 10 }))
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, () => finish(new Error(signal)))
setTimeout(() => {
    finish(new Error(waitingFor === '' ? `not done within ${seconds} s` : `in vain: ${waitingFor}`))
}, seconds * 1000)

try {
    const page = new Page(chromium, pathToFileURL(resolve(process.argv[2])).href)
    await page.open()
    await run(page, readFileSync(0, 'utf8').split('\n'))
    finish()
} catch (error) {
    finish(error)
}
