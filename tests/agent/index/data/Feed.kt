package org.example.feed

import org.example.net.Client
import org.example.model.Post as Entry

const val LIMIT = 50

/** Loads posts. */
class Feed(private val client: Client, val size: Int = LIMIT) : Source<Entry>(), Closeable {
    private var page = 0

    // Loads the next page.
    override suspend fun next(): List<Entry> {
        page += 1
        return client.get("/posts?page=$page")
    }

    fun reset() = apply { page = 0 }

    companion object {
        fun empty(): Feed = Feed(Client())
    }
}

interface Source<T> {
    fun next(): List<T>
}

data class Post(val id: Long, val title: String)

enum class Order { NEWEST, OLDEST }

object Registry {
    val feeds = mutableListOf<Feed>()
}

typealias Posts = List<Post>

fun String.slug(): String = lowercase()

fun main() {
    println(Feed.empty().size)
}
