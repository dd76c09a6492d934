package org.example.http

import org.example.core.{Request, Response}
import scala.concurrent.Future

/** Finds handlers. */
class Router(routes: List[Route])(implicit ec: ExecutionContext) extends Service with Logging {
  private val table = routes.groupBy(_.path)
  var hits = 0

  // Handles one request.
  override def handle(request: Request): Future[Response] = {
    hits += 1
    lookup(request.path)
  }

  private def lookup(path: String) = table.get(path)
}

object Router {
  val Empty = new Router(Nil)
  def apply(routes: Route*): Router = new Router(routes.toList)
}

trait Service {
  def handle(request: Request): Future[Response]
  type Context
}

case class Route(path: String, handler: Handler)

type Handler = Request => Response

enum Method {
  case Get, Post
}

def serve(router: Router): Unit = println(router)
