import Foundation
import AudioKit

let maximumVolume = 10

/// Plays tracks.
public final class Player: NSObject, Playable {
    private var queue: [Track] = []
    static let shared = Player()

    /// Starts with a queue.
    init(queue: [Track]) {
        self.queue = queue
    }

    @discardableResult
    func play(_ track: Track, at time: Double = 0) throws -> Bool {
        return engine.start(track)
    }

    deinit {
        stop()
    }
}

struct Track: Codable {
    let title: String
    var length: Double { return 3 }
}

enum Mode {
    case once
    case loop(Int)
}

protocol Playable {
    func play(_ track: Track, at time: Double) throws -> Bool
    var isPlaying: Bool { get }
}

extension Track {
    func described() -> String { title }
}

typealias Queue = [Track]

func shuffle(_ tracks: [Track]) -> [Track] {
    return tracks.shuffled()
}
